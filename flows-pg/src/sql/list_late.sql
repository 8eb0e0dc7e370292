-- Reads runs of a tenant that ended later than a minute after their start, by their end. $1 tenant, $2 ended at or
-- after, $3 ended before, $4 the run to go on behind among those that ended at $2, $5 the most runs.
-- Called by `list` and `count`. Locks nothing. Index: runs_ended_late.
SELECT r.shard, r.tenant_id, r.run_id, r.workflow_id, r.workflow, r.version, r.queue, r.priority, r.status,
       r.attempt, NULL::text AS input, NULL::text AS output,
       CASE WHEN pg_column_size(r.error) < 8000 THEN r.error::text END AS error, r.created_at, r.closed_at,
       r.timeout_us, r.predecessor, r.successor, r.parent_run, r.parent_op, r.options::text AS options, 0::bigint AS inbox
FROM flows.runs r
WHERE r.tenant_id = $1 AND r.ended_late IS NOT NULL AND r.ended_late >= $2 AND r.ended_late < $3
  AND (r.ended_late, r.run_id) > ($2, $4)
ORDER BY r.ended_late, r.run_id
LIMIT $5::bigint
