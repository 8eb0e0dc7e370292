-- Takes the workflow id from a run that has ended, for a new run in the same transaction.
-- Called by `start` and `signal_with_start`, where the conflict policy says so. Locks the run's row. Index: runs_pkey.
UPDATE flows.runs SET current = false
WHERE shard = $1 AND tenant_id = $2 AND run_id = $3 AND current AND status <> 0
RETURNING run_id
