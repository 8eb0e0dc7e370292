-- Lists runs of a tenant, newest first. $1 tenant, $2 all shards, $3 limit; then filters that
-- null switches off: $4 workflow, $5 version, $6 status, $7 created at or after, $8 created before.
-- Called by `list`. Locks nothing. Index: runs_pkey, backwards, once per shard: run ids are in the
-- order of their creation.
SELECT newest.*
FROM unnest($2::smallint[]) AS s (shard)
CROSS JOIN LATERAL (
    SELECT r.shard, r.tenant_id, r.run_id, r.workflow_id, r.workflow, r.version, r.queue, r.priority,
           r.status, r.attempt, r.input::text AS input, r.output::text AS output, r.error::text AS error,
           r.created_at, r.closed_at, r.timeout_us, r.predecessor, r.successor, r.parent_run,
           r.parent_op, r.retry::text AS retry, 0::bigint AS inbox
    FROM flows.runs r
    WHERE r.shard = s.shard AND r.tenant_id = $1
      AND ($4::text IS NULL OR r.workflow = $4)
      AND ($5::bigint IS NULL OR r.version = $5)
      AND ($6::smallint IS NULL OR r.status = $6)
      AND ($7::timestamptz IS NULL OR r.created_at >= $7)
      AND ($8::timestamptz IS NULL OR r.created_at < $8)
    ORDER BY r.run_id DESC
    LIMIT $3::bigint
) AS newest
ORDER BY newest.run_id DESC
LIMIT $3::bigint
