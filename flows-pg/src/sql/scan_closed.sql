-- Reads a page of the runs of one shard that have ended, backwards in the order of their keys.
-- $1 shard, $2 and $3 tenant and run to go on from, $4 limit.
-- Called by `scan`, in a transaction that only reads. Locks nothing. Index: runs_pkey, backwards.
SELECT r.shard, r.tenant_id, r.run_id, r.workflow_id, r.workflow, r.version, r.queue, r.priority,
       r.input::text AS input, coalesce(r.starts_at, r.created_at) AS started_at, r.attempt,
       r.options::text AS options, r.timeout_us, r.parent_run, r.parent_op, r.status, true AS load,
       0::bigint AS claim, 0::smallint AS setbacks
FROM flows.runs r
WHERE r.shard = $1 AND (r.tenant_id, r.run_id) < ($2::uuid, $3::uuid) AND r.status <> 0
ORDER BY r.tenant_id DESC, r.run_id DESC
LIMIT $4::bigint
