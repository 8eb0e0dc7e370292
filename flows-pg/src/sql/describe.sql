-- Reads everything about a run but its journal. $1 to $3 key.
-- Called by `describe`. Locks nothing. Indexes: runs_pkey, ready_pkey, owned_pkey, parked_pkey,
-- inbox_pkey, workers_pkey, attributes_pkey, forks_pkey, forks_of; `pauses` is empty, or nearly so.
SELECT r.shard, r.tenant_id, r.run_id, r.workflow_id, r.workflow, r.version, r.queue, r.priority,
       r.status, r.attempt, r.input::text AS input, r.output::text AS output, r.error::text AS error,
       r.created_at, r.closed_at, r.timeout_us, r.predecessor, r.successor, r.parent_run,
       r.parent_op, r.options::text AS options,
       (SELECT count(*) FROM flows.inbox i
        WHERE i.shard = ANY (ARRAY[r.shard]) AND i.tenant_id = r.tenant_id AND i.run_id = r.run_id) AS inbox,
       EXISTS (SELECT FROM flows.inbox i
               WHERE i.shard = ANY (ARRAY[r.shard]) AND i.tenant_id = r.tenant_id AND i.run_id = r.run_id
                 AND i.kind IN (1, 7)) AS cancelling,
       q.run_id IS NOT NULL AS is_ready,
       EXISTS (SELECT FROM flows.workers s WHERE r.lane = ANY (s.lanes) AND s.expires_at >= statement_timestamp()) AS served,
       o.worker_id AS owner, w.name AS owner_name,
       p.run_id IS NOT NULL AS is_parked, p.wake_at,
       p.waiting_for, p.setbacks, u.pause_id IS NOT NULL AS is_paused, u.queue AS paused_queue, u.workflow AS paused_workflow,
       u.version AS paused_version, u.reason AS paused_why, u.author AS paused_by, u.paused_at, a.names, a.values, f.origin, f.kept AS forked_at,
       ARRAY(SELECT k.run_id FROM flows.forks k
             WHERE k.origin = r.run_id AND (k.tenant_id = r.tenant_id) IS TRUE
             ORDER BY k.run_id LIMIT 100) AS forks
FROM flows.runs r
LEFT JOIN LATERAL (
    SELECT q.run_id FROM flows.ready q
    WHERE q.shard = r.shard AND q.lane = r.lane AND q.priority = r.priority AND q.run_id = r.run_id
      AND q.tenant_id = r.tenant_id
    LIMIT 1) AS q ON true
LEFT JOIN LATERAL (
    SELECT o.worker_id FROM flows.owned o
    WHERE o.shard = r.shard AND o.tenant_id = r.tenant_id AND o.run_id = r.run_id
    LIMIT 1) AS o ON true
LEFT JOIN LATERAL (SELECT w.name FROM flows.workers w WHERE w.worker_id = o.worker_id LIMIT 1) AS w ON true
LEFT JOIN LATERAL (
    SELECT p.run_id, p.wake_at, p.waiting_for, p.setbacks FROM flows.parked p
    WHERE p.run_id = r.run_id AND p.tenant_id = r.tenant_id AND p.shard = r.shard
    LIMIT 1) AS p ON true
LEFT JOIN LATERAL (
    SELECT f.origin, f.kept FROM flows.forks f
    WHERE f.shard = r.shard AND f.tenant_id = r.tenant_id AND f.run_id = r.run_id
    LIMIT 1) AS f ON true
LEFT JOIN LATERAL (
    SELECT u.* FROM flows.pauses u
    WHERE r.status = 0 AND (u.queue IS NULL OR u.queue = r.queue) AND (u.workflow IS NULL OR u.workflow = r.workflow)
      AND (u.version IS NULL OR u.version = r.version)
    ORDER BY u.paused_at, u.pause_id
    LIMIT 1) AS u ON true
LEFT JOIN LATERAL (
    SELECT array_agg(a.name) AS names, array_agg(a.encoded) AS values FROM flows.attributes a
    WHERE a.shard = ANY (ARRAY[r.shard]) AND a.tenant_id = r.tenant_id AND a.run_id = r.run_id) AS a ON true
WHERE r.shard = $1 AND r.tenant_id = $2 AND r.run_id = $3
