-- Lists dead letters of a tenant, newest first. $1 tenant, $2 all shards, $3 limit.
-- Called by `dead_letters`. Locks nothing. Indexes: dead_letters_newest, once per shard; runs_pkey for
-- those that are listed. (Joined without LIMIT, the runs might be read first, and all of them.)
SELECT d.shard, d.tenant_id, d.run_id, r.workflow_id, r.workflow, r.version, r.error,
       d.failed_at, r.attempt
FROM (
    SELECT l.*
    FROM unnest($2::smallint[]) AS s (shard)
    CROSS JOIN LATERAL (
        SELECT * FROM flows.dead_letters l
        WHERE l.shard = s.shard AND l.tenant_id = $1
        ORDER BY l.failed_at DESC LIMIT $3::bigint
    ) AS l
    ORDER BY l.failed_at DESC, l.run_id DESC
    LIMIT $3::bigint
) AS d
CROSS JOIN LATERAL (
    SELECT r.workflow_id, r.workflow, r.version, r.error::text AS error, r.attempt
    FROM flows.runs r
    WHERE r.shard = d.shard AND r.tenant_id = d.tenant_id AND r.run_id = d.run_id
    LIMIT 1
) AS r
ORDER BY d.failed_at DESC, d.run_id DESC
