-- Makes runs ready again whose claim never reached the worker. $1 worker, $2 numbers of the claims.
-- Answers how many of them others hold: these are asked for again.
-- Called by `unfinished`, after a claim failed or was dropped half-way, behind
-- `void_requests.sql`: what those claims took is visible by now.
-- Locks the rows it moves, skipping those that others hold. Reads the small table `owned` whole: this is
-- rare.
WITH mine AS MATERIALIZED (
    SELECT ctid AS place FROM flows.owned WHERE worker_id = $1 AND claim = ANY ($2::bigint[])
    FOR UPDATE SKIP LOCKED
), lost AS (
    DELETE FROM flows.owned WHERE ctid = ANY (ARRAY(SELECT place FROM mine))
    RETURNING shard, lane, priority, run_id, tenant_id
), ready AS (
    -- Idempotent: a run that is ready is ready.
    INSERT INTO flows.ready (shard, lane, priority, run_id, tenant_id, load)
    SELECT shard, lane, priority, run_id, tenant_id, true FROM lost
    ON CONFLICT (shard, lane, priority, run_id, tenant_id) DO UPDATE SET load = true
)
SELECT (SELECT count(*) FROM flows.owned WHERE worker_id = $1 AND claim = ANY ($2::bigint[]))
       - (SELECT count(*) FROM mine) AS held
