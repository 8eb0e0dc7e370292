-- Takes workflow ids from runs that have ended, for children that may have them. $1 to $3 keys of the children, $4
-- their workflow ids, $5 whether a run that has completed gives its id too.
-- Called by `commit`, in front of `start.sql`: a child that is not started all the same, because another run was
-- faster, leaves the id to that. Locks the runs' rows. Index: runs_workflow_id.
UPDATE flows.runs r SET current = false
FROM (SELECT unnest($1::smallint[]) AS shard, unnest($2::uuid[]) AS tenant_id, unnest($3::uuid[]) AS run_id,
             unnest($4::text[]) AS workflow_id, unnest($5::boolean[]) AS of_completed) AS c
WHERE r.shard = ANY (ARRAY[c.shard]) AND r.tenant_id = c.tenant_id AND r.workflow_id = c.workflow_id
  AND r.current AND r.workflow_id IS NOT NULL
  AND r.status > 0 AND (c.of_completed OR r.status IN (2, 3, 4, 5)) AND r.run_id <> c.run_id
