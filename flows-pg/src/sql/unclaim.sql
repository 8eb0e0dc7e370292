-- Gives runs and attempts back whose claim never reached the worker. $1 worker, $2 numbers of the claims. Those that
-- are to be tried alone are parked again; the others are ready.
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
    RETURNING shard, lane, priority, run_id, tenant_id, greatest(setbacks, -2)::smallint AS setbacks
), parked AS (
    INSERT INTO flows.parked (shard, tenant_id, run_id, priority, setbacks, wake_at, lane, waiting_for)
    SELECT shard, tenant_id, run_id, priority, setbacks, statement_timestamp(), lane,
           'its workers have ended twice in a row; it is to be tried alone'
    FROM lost WHERE setbacks <= -2
), ready AS (
    -- Idempotent: a run that is ready is ready.
    INSERT INTO flows.ready (shard, lane, priority, run_id, tenant_id, load, setbacks)
    SELECT shard, lane, priority, run_id, tenant_id, true, setbacks FROM lost WHERE setbacks > -2
    ON CONFLICT (shard, lane, priority, run_id, tenant_id) DO UPDATE SET load = true
), tasks AS (
    UPDATE flows.activity_tasks SET worker_id = NULL, claim = 0
    WHERE worker_id = $1 AND claim = ANY ($2::bigint[])
)
SELECT (SELECT count(*) FROM flows.owned WHERE worker_id = $1 AND claim = ANY ($2::bigint[]))
       - (SELECT count(*) FROM mine) AS held
