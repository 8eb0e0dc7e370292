-- Claims ready runs of one shard, in order: ready becomes owned. $1 worker, $2 shard, $3 lanes
-- (ascending), $4 limit, $5 number of the request, $6 the most bytes of inputs: what does not fit comes without.
-- Called by `claim`. Indexes: ready_pkey; runs_pkey and owned_pkey for those that were won.
-- It walks from lane to lane, past those of other workers, to the first run of each. Of the lane with the
-- n-th oldest run it reads a share of at least an n-th of the limit: enough to be exact for up to four
-- lanes, and little more than it takes, however many there are. Where a share was cut short, nothing of a
-- later priority is taken.
-- Locks: the worker's row, against being forgotten and against this claim being given up (a worker
-- that is not registered, or whose lease is over, claims nothing); then the rows it takes, skipping
-- those that others hold. It looks at more candidates than it needs, because another claimer may be
-- holding the first ones; only the rows it takes are locked.
WITH RECURSIVE me AS MATERIALIZED (
    SELECT worker_id FROM flows.workers
    WHERE worker_id = $1 AND expires_at > statement_timestamp() AND void_up_to < $5
    FOR SHARE
), walk (lane, priority, run_id, place, is_mine, beyond) AS (
    (SELECT r.lane, r.priority, r.run_id, r.ctid,
            r.lane = ($3::bigint[])[width_bucket(r.lane, $3::bigint[])],
            ($3::bigint[])[width_bucket(r.lane, $3::bigint[]) + 1]
     FROM flows.ready r WHERE r.shard = $2 AND r.lane >= ($3::bigint[])[1]
     ORDER BY r.lane, r.priority, r.run_id LIMIT 1)
    UNION ALL
    SELECT r.lane, r.priority, r.run_id, r.place,
           r.lane = ($3::bigint[])[width_bucket(r.lane, $3::bigint[])],
           ($3::bigint[])[width_bucket(r.lane, $3::bigint[]) + 1]
    FROM walk w
    CROSS JOIN LATERAL (
        SELECT r.lane, r.priority, r.run_id, r.ctid AS place FROM flows.ready r
        WHERE r.shard = $2 AND r.lane >= w.beyond
        ORDER BY r.lane, r.priority, r.run_id LIMIT 1
    ) AS r
), head AS MATERIALIZED (
    SELECT w.*, row_number() OVER (ORDER BY w.priority, w.run_id) AS nth, count(*) OVER () AS lanes
    FROM walk w WHERE w.is_mine
), share AS MATERIALIZED (
    SELECT h.*, greatest(($4::bigint + h.nth - 1) / h.nth, $4::bigint * 4 / h.lanes) AS size FROM head h
), candidate AS MATERIALIZED (
    SELECT lane, size, priority, run_id, place FROM share
    UNION ALL
    SELECT h.lane, h.size, r.priority, r.run_id, r.place
    FROM share h
    CROSS JOIN LATERAL (
        SELECT r.priority, r.run_id, r.ctid AS place FROM flows.ready r
        WHERE r.shard = $2 AND r.lane = h.lane AND (r.priority, r.run_id) > (h.priority, h.run_id)
        ORDER BY r.priority, r.run_id
        LIMIT h.size - 1
    ) AS r
    ORDER BY priority, run_id
    LIMIT $4::bigint * 4
), locked AS MATERIALIZED (
    SELECT r.ctid AS place
    FROM candidate c JOIN flows.ready r ON r.ctid = c.place
    WHERE EXISTS (SELECT FROM me)
      AND c.priority <= coalesce((
          SELECT min(known.priority)
          FROM (SELECT max(priority) AS priority FROM candidate
                WHERE (SELECT lanes FROM head LIMIT 1) > 4
                GROUP BY lane, size HAVING count(*) = size) AS known), 32767)
    LIMIT $4::bigint
    FOR UPDATE OF r SKIP LOCKED
), taken AS (
    DELETE FROM flows.ready WHERE ctid = ANY (ARRAY(SELECT place FROM locked))
    RETURNING shard, tenant_id, run_id, lane, load, setbacks
), given AS MATERIALIZED (
    SELECT r.*, t.load, t.setbacks
    FROM taken t
    JOIN flows.runs r ON r.shard = ANY (ARRAY[t.shard]) AND r.tenant_id = t.tenant_id AND r.run_id = t.run_id
    WHERE r.status = 0
), kept AS MATERIALIZED (
    -- A run has one placement, so nobody owns one that was ready; if somebody did, that owner keeps it and
    -- is told to look at its inbox. (ON CONFLICT would do this too, and log every row twice.)
    UPDATE flows.owned o SET has_messages = true FROM given g
    WHERE o.shard = ANY (ARRAY[g.shard]) AND o.tenant_id = g.tenant_id AND o.run_id = g.run_id
    RETURNING o.tenant_id, o.run_id
), won AS (
    INSERT INTO flows.owned (shard, tenant_id, run_id, worker_id, claim, lane, priority, setbacks)
    SELECT shard, tenant_id, run_id, $1, $5, lane, priority, setbacks FROM given
    WHERE ((tenant_id, run_id) IN (SELECT tenant_id, run_id FROM kept)) IS NOT TRUE
)
SELECT g.shard, g.tenant_id, g.run_id, g.workflow_id, g.workflow, g.version, g.queue, g.priority,
       CASE WHEN sum(CASE WHEN pg_column_compression(g.input) IS NULL THEN pg_column_size(g.input)
                          ELSE octet_length(g.input::text) END)
                 OVER (ORDER BY g.priority, g.run_id ROWS UNBOUNDED PRECEDING) <= $6::bigint
            THEN g.input::text END AS input,
       coalesce(g.starts_at, g.created_at) AS started_at, g.attempt,
       g.options::text AS options, g.timeout_us, g.parent_run, g.parent_op, g.load, g.setbacks,
       $5 AS claim
FROM given g
WHERE ((g.tenant_id, g.run_id) IN (SELECT tenant_id, run_id FROM kept)) IS NOT TRUE
ORDER BY g.priority, g.run_id
