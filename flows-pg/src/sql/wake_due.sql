-- Makes parked runs ready that are due by the server's clock. $1 all shards, $2 limit per shard.
-- Called by `poll`. Locks the rows it moves, skipping those that others hold. Index: parked_due.
WITH due AS MATERIALIZED (
    SELECT first.place
    FROM unnest($1::smallint[]) AS s (shard)
    CROSS JOIN LATERAL (
        SELECT p.ctid AS place FROM flows.parked p
        WHERE p.shard = s.shard AND p.wake_at <= statement_timestamp() AND p.wake_at IS NOT NULL AND p.setbacks = 0
        ORDER BY p.wake_at LIMIT $2::bigint
        FOR UPDATE SKIP LOCKED
    ) AS first
), gone AS (
    DELETE FROM flows.parked WHERE ctid = ANY (ARRAY(SELECT place FROM due))
    RETURNING shard, lane, priority, run_id, tenant_id
)
-- Idempotent: a run that is ready is ready.
INSERT INTO flows.ready (shard, lane, priority, run_id, tenant_id, load)
SELECT shard, lane, priority, run_id, tenant_id, true FROM gone
ON CONFLICT (shard, lane, priority, run_id, tenant_id) DO UPDATE SET load = true
