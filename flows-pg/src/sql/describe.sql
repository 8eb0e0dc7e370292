-- Reads everything about a run but its journal. $1 to $3 key.
-- Called by `describe`. Locks nothing. Indexes: runs_pkey, ready_pkey, owned_pkey, parked_pkey,
-- inbox_pkey, workers_pkey.
SELECT r.shard, r.tenant_id, r.run_id, r.workflow_id, r.workflow, r.version, r.queue, r.priority,
       r.status, r.attempt, r.input::text AS input, r.output::text AS output, r.error::text AS error,
       r.created_at, r.closed_at, r.timeout_us, r.predecessor, r.successor, r.parent_run,
       r.parent_op, r.retry::text AS retry,
       (SELECT count(*) FROM flows.inbox i
        WHERE i.shard = ANY (ARRAY[r.shard]) AND i.tenant_id = r.tenant_id AND i.run_id = r.run_id) AS inbox,
       q.run_id IS NOT NULL AS is_ready,
       EXISTS (SELECT FROM flows.workers s WHERE r.lane = ANY (s.lanes) AND s.expires_at >= now()) AS served,
       o.worker_id AS owner, w.name AS owner_name,
       p.run_id IS NOT NULL AS is_parked, p.wake_at,
       coalesce(p.waiting_for, 'its start time') AS waiting_for, p.stuck
FROM flows.runs r
LEFT JOIN flows.ready q ON q.shard = ANY (ARRAY[r.shard]) AND q.lane = r.lane AND q.priority = r.priority
    AND q.run_id = r.run_id AND q.tenant_id = r.tenant_id
LEFT JOIN flows.owned o ON o.shard = ANY (ARRAY[r.shard]) AND o.tenant_id = r.tenant_id AND o.run_id = r.run_id
LEFT JOIN flows.workers w ON w.worker_id = o.worker_id
LEFT JOIN flows.parked p ON p.run_id = ANY (ARRAY[r.run_id]) AND p.tenant_id = r.tenant_id AND p.shard = r.shard
WHERE r.shard = $1 AND r.tenant_id = $2 AND r.run_id = $3
