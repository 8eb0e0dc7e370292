-- Claims stuck runs that are due, the longest due first: parked becomes owned. $1 worker, $2 lanes,
-- $3 limit, $4 number of the request, $5 how many suspects may be among them (0 or 1), $6 the most bytes
-- of inputs: what does not fit comes without.
-- Called by `claim_stuck`. Indexes: parked_stuck, once per lane; parked_suspects; runs_pkey for those
-- that were won.
-- Locks: the worker's row, as `claim.sql` does; then the rows it takes, skipping those that others hold.
WITH me AS MATERIALIZED (
    SELECT worker_id FROM flows.workers
    WHERE worker_id = $1 AND expires_at > statement_timestamp() AND void_up_to < $4
    FOR SHARE
), stuck AS MATERIALIZED (
    SELECT head.place
    FROM unnest($2::bigint[]) AS l (lane)
    CROSS JOIN LATERAL (
        SELECT p.ctid AS place, p.wake_at FROM flows.parked p
        WHERE p.lane = l.lane AND p.wake_at <= statement_timestamp() AND p.setbacks > 0
        ORDER BY p.wake_at
        LIMIT $3::bigint * 4
    ) AS head
    ORDER BY head.wake_at
    LIMIT $3::bigint * 4
), locked AS MATERIALIZED (
    SELECT p.ctid AS place
    FROM stuck s JOIN flows.parked p ON p.ctid = s.place
    WHERE EXISTS (SELECT FROM me)
    LIMIT $3::bigint
    FOR UPDATE OF p SKIP LOCKED
), suspect AS MATERIALIZED (
    SELECT p.ctid AS place FROM flows.parked p
    WHERE p.wake_at <= statement_timestamp() AND p.lane = ANY ($2::bigint[]) AND p.setbacks < 0
      AND EXISTS (SELECT FROM me)
    ORDER BY p.wake_at
    LIMIT $5::bigint
    FOR UPDATE SKIP LOCKED
), taken AS (
    DELETE FROM flows.parked
    WHERE ctid = ANY (ARRAY(SELECT place FROM locked UNION ALL SELECT place FROM suspect))
    RETURNING shard, tenant_id, run_id, setbacks
), given AS MATERIALIZED (
    SELECT r.*, t.setbacks
    FROM taken t
    JOIN flows.runs r ON r.shard = ANY (ARRAY[t.shard]) AND r.tenant_id = t.tenant_id AND r.run_id = t.run_id
    WHERE r.status = 0
), won AS (
    INSERT INTO flows.owned (shard, tenant_id, run_id, worker_id, claim, lane, priority, setbacks)
    SELECT shard, tenant_id, run_id, $1, $4, lane, priority, setbacks FROM given
)
SELECT g.shard, g.tenant_id, g.run_id, g.workflow_id, g.workflow, g.version, g.queue, g.priority,
       CASE WHEN sum(CASE WHEN pg_column_compression(g.input) IS NULL THEN pg_column_size(g.input)
                          ELSE octet_length(g.input::text) END)
                 OVER (ORDER BY g.run_id ROWS UNBOUNDED PRECEDING) <= $6::bigint
            THEN g.input::text END AS input,
       coalesce(g.starts_at, g.created_at) AS started_at, g.attempt,
       g.options::text AS options, g.timeout_us, g.parent_run, g.parent_op, true AS load, g.setbacks,
       $4 AS claim
FROM given g
