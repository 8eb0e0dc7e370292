-- Removes the placement and the inbox of a run that has ended; signals (kind 0) that it has not read stay. $1 to $3 key, $4 lane, $5 priority, $6
-- whether it is a dead letter. Answers how many placements it removed.
-- Called by `terminate`, behind `end_run.sql`, again until it has found the placement: the run may have
-- been on its way from one to another. Locks the rows it removes.
-- Indexes: owned_pkey, parked_pkey, ready_pkey, inbox_pkey, dead_letters_pkey.
WITH owned AS (
    DELETE FROM flows.owned WHERE shard = $1 AND tenant_id = $2 AND run_id = $3 RETURNING 1
), parked AS (
    DELETE FROM flows.parked WHERE shard = $1 AND tenant_id = $2 AND run_id = $3 RETURNING 1
), ready AS (
    DELETE FROM flows.ready
    WHERE shard = $1 AND lane = $4 AND priority = $5 AND run_id = $3 AND tenant_id = $2 RETURNING 1
), inbox AS (
    DELETE FROM flows.inbox WHERE shard = $1 AND tenant_id = $2 AND run_id = $3 AND kind <> 0
), dead AS (
    -- Idempotent: asked again, it is a dead letter already.
    INSERT INTO flows.dead_letters (shard, tenant_id, run_id)
    SELECT $1, $2, $3 WHERE $6::boolean ON CONFLICT DO NOTHING
)
SELECT (SELECT count(*) FROM owned) + (SELECT count(*) FROM parked) + (SELECT count(*) FROM ready) AS removed
