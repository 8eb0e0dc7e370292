-- Claims attempts of activities: of each lane the oldest runs' first. $1 worker, $2 lanes, $3 limit, $4 number of the
-- request. Says of each whether its run is open, how far it was, and whether a worker was lost with it.
-- Called by `claim_tasks`. Indexes: activity_tasks_queued; runs_pkey for those that were won.
-- Locks: the worker's row, against being forgotten and against this claim being given up (a worker that is not
-- registered, or whose lease is over, claims nothing); then the rows it takes, skipping those that others hold. It looks
-- at more candidates than it needs, because another claimer may be holding the first ones.
WITH me AS MATERIALIZED (
    SELECT worker_id FROM flows.workers
    WHERE worker_id = $1 AND expires_at > statement_timestamp() AND void_up_to < $4
    FOR SHARE
), candidate AS MATERIALIZED (
    SELECT t.place
    FROM (SELECT unnest($2::bigint[]) AS lane) AS l
    CROSS JOIN LATERAL (
        SELECT q.ctid AS place, q.run_id, q.op FROM flows.activity_tasks q
        WHERE q.worker_id IS NULL AND q.lane = l.lane
        ORDER BY q.run_id, q.op
        LIMIT $3::bigint * 4
    ) AS t
    ORDER BY t.run_id, t.op
    LIMIT $3::bigint * 4
), locked AS MATERIALIZED (
    SELECT t.ctid AS place
    FROM candidate c JOIN flows.activity_tasks t ON t.ctid = c.place
    WHERE EXISTS (SELECT FROM me) AND (t.worker_id IS NULL) IS TRUE
    LIMIT $3::bigint
    FOR UPDATE OF t SKIP LOCKED
), claimed AS MATERIALIZED (
    UPDATE flows.activity_tasks SET worker_id = $1, claim = $4
    WHERE ctid = ANY (ARRAY(SELECT place FROM locked))
    RETURNING shard, tenant_id, run_id, op, attempt, lane, lost, content, heartbeat
)
SELECT c.*, coalesce((
           SELECT r.status = 0 FROM flows.runs r
           WHERE r.shard = c.shard AND r.tenant_id = c.tenant_id AND r.run_id = c.run_id LIMIT 1),
           false) AS is_open
FROM claimed c
