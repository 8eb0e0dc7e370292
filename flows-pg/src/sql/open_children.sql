-- Reads a page of the open children of a run that has ended in this transaction, so that no child can be added: those of
-- some close policies. $1 tenant, $2 the run, $3 policies; $4 and $5 the time and the run to go on behind, $6 limit.
-- Called by `tell_children`. Locks nothing. Index: runs_children.
SELECT r.shard, r.tenant_id, r.run_id, r.created_at, (r.parent_op >> 32)::smallint AS policy
FROM flows.runs r
WHERE r.tenant_id = $1 AND r.parent_run = $2 AND r.parent_run IS NOT NULL
  AND (r.created_at, r.run_id) > ($4::timestamptz, $5::uuid)
  AND r.status = 0 AND (r.parent_op >> 32) = ANY ($3::bigint[])
ORDER BY r.created_at, r.run_id
LIMIT $6::bigint
