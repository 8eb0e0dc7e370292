-- Reads runs that a worker still owns. $1 worker; $2 to $4 keys.
-- Called by `reload`. Locks nothing. Indexes: owned_pkey, runs_pkey, for each key. (Joined without
-- LIMIT, one of them might be searched without its first column.)
SELECT r.shard, r.tenant_id, r.run_id, r.workflow_id, r.workflow, r.version, r.queue, r.priority,
       r.input::text AS input, coalesce(r.starts_at, r.created_at) AS started_at, r.attempt,
       r.retry::text AS retry, r.timeout_us, r.parent_run, r.parent_op, true AS load,
       o.claim, o.setbacks
FROM unnest($2::smallint[], $3::uuid[], $4::uuid[]) AS k (shard, tenant_id, run_id)
CROSS JOIN LATERAL (
    SELECT o.claim, o.setbacks FROM flows.owned o
    WHERE o.shard = k.shard AND o.tenant_id = k.tenant_id AND o.run_id = k.run_id
      AND o.worker_id = $1
    LIMIT 1
) AS o
CROSS JOIN LATERAL (
    SELECT r.* FROM flows.runs r
    WHERE r.shard = k.shard AND r.tenant_id = k.tenant_id AND r.run_id = k.run_id AND r.status = 0
    LIMIT 1
) AS r
