-- Takes a dead letter out, once. $1 to $3 key.
-- Called by `rerun` and `fork`. Locks its row. Index: dead_letters_pkey.
DELETE FROM flows.dead_letters WHERE shard = $1 AND tenant_id = $2 AND run_id = $3
RETURNING run_id
