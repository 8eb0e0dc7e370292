-- Makes a stuck run due now; one that ends its workers is tried alone, once more. $1 to $3 key.
-- Called by `retry_stuck`. The function `flows.retry_stuck` does the same for people. Locks its placement.
-- Index: parked_pkey.
UPDATE flows.parked SET wake_at = statement_timestamp(), setbacks = greatest(setbacks, -2)
WHERE shard = $1 AND tenant_id = $2 AND run_id = $3 AND setbacks <> 0
RETURNING run_id
