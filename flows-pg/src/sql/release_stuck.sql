-- Makes stuck runs of some lanes ready, for a build that may mend them has come. $1 lanes,
-- $2 all shards, $3 limit per shard. Answers how many, and how many others hold.
-- Called by `register` and `retry_stuck`, until there are no more. Locks the rows it moves, skipping
-- those that others hold: somebody who sends to such a run may hold it for long.
-- Index: parked_stuck.
WITH seen AS MATERIALIZED (
    SELECT found.place
    FROM unnest($2::smallint[]) AS s (shard)
    CROSS JOIN LATERAL (
        SELECT p.ctid AS place FROM flows.parked p
        WHERE p.shard = s.shard AND p.lane = ANY ($1::bigint[]) AND p.stuck IS NOT NULL
        LIMIT $3::bigint
    ) AS found
), stuck AS MATERIALIZED (
    SELECT p.ctid AS place
    FROM seen s JOIN flows.parked p ON p.ctid = s.place
    FOR UPDATE OF p SKIP LOCKED
), gone AS (
    DELETE FROM flows.parked WHERE ctid = ANY (ARRAY(SELECT place FROM stuck))
    RETURNING shard, lane, priority, run_id, tenant_id
), ready AS (
    -- Idempotent: a run that is ready is ready.
    INSERT INTO flows.ready (shard, lane, priority, run_id, tenant_id, load)
    SELECT shard, lane, priority, run_id, tenant_id, true FROM gone
    ON CONFLICT (shard, lane, priority, run_id, tenant_id) DO UPDATE SET load = true
)
SELECT count(*) AS moved, (SELECT count(*) FROM seen) - (SELECT count(*) FROM stuck) AS held FROM gone
