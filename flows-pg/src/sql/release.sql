-- Makes runs of a worker ready for others. $1 worker, $2 limit, $3 whether it must be held against them
-- that its lease is over. Those that have lost two workers in a row are parked, to be tried alone.
-- Answers how many, and their shards.
-- Called by `retire` and `poll`, under the lock of the worker's row.
-- Locks the rows it moves, skipping those that others hold. Reads the small table `owned` whole.
WITH mine AS MATERIALIZED (
    SELECT ctid AS place FROM flows.owned WHERE worker_id = $1 LIMIT $2::bigint FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM flows.owned WHERE ctid = ANY (ARRAY(SELECT place FROM mine))
    RETURNING shard, lane, priority, run_id, tenant_id,
              CASE WHEN NOT $3::boolean THEN greatest(setbacks, -2)
                   WHEN setbacks < 0 THEN greatest(setbacks, -32767) - 1
                   ELSE -1 END::smallint AS setbacks
), ready AS (
    -- Idempotent: a run that is ready is ready.
    INSERT INTO flows.ready (shard, lane, priority, run_id, tenant_id, load, setbacks)
    SELECT shard, lane, priority, run_id, tenant_id, true, setbacks FROM gone WHERE setbacks > -2
    ON CONFLICT (shard, lane, priority, run_id, tenant_id) DO UPDATE SET load = true
), parked AS (
    INSERT INTO flows.parked (shard, tenant_id, run_id, priority, setbacks, wake_at, lane, waiting_for)
    SELECT shard, tenant_id, run_id, priority, setbacks, statement_timestamp(), lane,
           format('its workers have ended %s times in a row; it is to be tried alone', -setbacks)
    FROM gone WHERE setbacks <= -2
)
SELECT count(*) AS moved, coalesce(array_agg(DISTINCT shard), '{}') AS shards FROM gone
