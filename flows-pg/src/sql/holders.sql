-- Finds the runs that stand in the way of starts: they have the workflow id, or the very run id.
-- Called by `start` and `signal_with_start`, for those that `start.sql` left out. Locks nothing.
-- Indexes: runs_workflow_id, runs_pkey.
SELECT g.run_id AS wanted, holder.run_id, holder.status, holder.workflow
FROM unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::text[])
     AS g (shard, tenant_id, run_id, workflow_id)
CROSS JOIN LATERAL (
    SELECT r.run_id, r.status, r.workflow FROM flows.runs r
    WHERE r.shard = g.shard AND r.tenant_id = g.tenant_id AND r.workflow_id = g.workflow_id
      AND r.workflow_id IS NOT NULL AND r.current
    UNION ALL
    SELECT r.run_id, r.status, r.workflow FROM flows.runs r
    WHERE r.shard = g.shard AND r.tenant_id = g.tenant_id AND r.run_id = g.run_id
    LIMIT 1
) AS holder
