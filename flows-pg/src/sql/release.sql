-- Makes runs of a worker ready for others. $1 worker, $2 limit. Answers how many, and their shards.
-- Called by `retire` and `look`, under the lock of the worker's row.
-- Locks the rows it moves, skipping those that others hold. Reads the small table `owned` whole.
WITH mine AS MATERIALIZED (
    SELECT ctid AS place FROM flows.owned WHERE worker_id = $1 LIMIT $2::bigint FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM flows.owned WHERE ctid = ANY (ARRAY(SELECT place FROM mine))
    RETURNING shard, lane, priority, run_id, tenant_id
), ready AS (
    -- Idempotent: a run that is ready is ready.
    INSERT INTO flows.ready (shard, lane, priority, run_id, tenant_id, load)
    SELECT shard, lane, priority, run_id, tenant_id, true FROM gone
    ON CONFLICT (shard, lane, priority, run_id, tenant_id) DO UPDATE SET load = true
)
SELECT count(*) AS moved, coalesce(array_agg(DISTINCT shard), '{}') AS shards FROM gone
