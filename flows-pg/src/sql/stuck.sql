-- Stuck runs of a tenant: first those that end workers, then the newest. $1 tenant, $2 limit.
-- Called by `stuck`. The view `flows.stuck_runs` shows the same to people. Locks nothing.
-- Indexes: parked_stuck and parked_suspects, which it reads whole, for those of all tenants (there are few, or
-- somebody should know); runs_pkey for those that it gives.
SELECT r.shard, r.tenant_id, r.run_id, r.workflow_id, r.workflow, r.version, r.queue, r.priority,
       r.status, r.attempt, NULL::text AS input, NULL::text AS output, NULL::text AS error,
       r.created_at, r.closed_at, r.timeout_us, r.predecessor, r.successor, r.parent_run,
       r.parent_op, r.options::text AS options, 0::bigint AS inbox,
       p.wake_at, p.waiting_for, p.setbacks
FROM (
    (SELECT s.shard, s.tenant_id, s.run_id, s.wake_at, s.waiting_for, s.setbacks FROM flows.parked s
     WHERE s.setbacks < 0 AND s.tenant_id = $1 ORDER BY s.wake_at, s.lane LIMIT $2::bigint)
    UNION ALL
    (SELECT s.shard, s.tenant_id, s.run_id, s.wake_at, s.waiting_for, s.setbacks FROM flows.parked s
     WHERE s.setbacks > 0 AND s.tenant_id = $1 ORDER BY s.lane, s.wake_at LIMIT $2::bigint)
) AS p
CROSS JOIN LATERAL (
    SELECT r.* FROM flows.runs r
    WHERE r.shard = p.shard AND r.tenant_id = p.tenant_id AND r.run_id = p.run_id
    LIMIT 1
) AS r
ORDER BY p.setbacks >= 0, r.created_at DESC, r.run_id DESC
LIMIT $2::bigint
