-- Takes workflow ids from runs that have ended, for children that may have them. $1 to $3 keys of the children, $4
-- their workflow ids, $5 whether a run that has completed gives its id too.
-- Called by `commit`, in front of `start.sql`: a child that is not started all the same, because another run was
-- faster, leaves the id to that. Locks the runs' rows. Indexes: runs_workflow_id, runs_pkey.
WITH holders AS MATERIALIZED (
    SELECT r.shard, r.tenant_id, r.run_id
    FROM unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::text[], $5::boolean[])
         AS c (shard, tenant_id, run_id, workflow_id, of_completed)
    CROSS JOIN LATERAL (
        SELECT r.shard, r.tenant_id, r.run_id, r.status FROM flows.runs r
        WHERE r.shard = c.shard AND r.tenant_id = c.tenant_id AND r.workflow_id = c.workflow_id
          AND r.workflow_id IS NOT NULL AND r.current
        LIMIT 1
    ) AS r
    WHERE (r.status IN (2, 3, 4, 5) OR c.of_completed AND r.status > 0) AND r.run_id <> c.run_id
)
UPDATE flows.runs r SET current = false
FROM holders h
WHERE r.shard = ANY (ARRAY[h.shard]) AND r.tenant_id = h.tenant_id AND r.run_id = h.run_id AND r.current AND r.status > 0
