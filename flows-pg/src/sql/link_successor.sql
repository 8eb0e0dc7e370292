-- Names the run that goes on in place of an ended one, and frees its workflow id for it.
-- $1 to $3 key, $4 the successor.
-- Called by `rerun` and `fork`, behind `take_dead_letter.sql`. Nothing, if another run goes on there already. Locks the run's row. Index: runs_pkey.
UPDATE flows.runs SET successor = $4, current = false
WHERE shard = $1 AND tenant_id = $2 AND run_id = $3 AND status <> 0 AND successor IS NULL
RETURNING run_id
