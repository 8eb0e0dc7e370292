-- Lists dead letters of a tenant, newest first. $1 tenant, $2 all shards, $3 limit, $4 whether those that were
-- dismissed, or the others.
-- Called by `dead_letters`. Locks nothing. Indexes: dead_letters_newest or dead_letters_dismissed, once per shard;
-- runs_pkey for those that are listed. (Joined without LIMIT, the runs might be read first, and all of them.)
SELECT d.shard, d.tenant_id, d.run_id, r.workflow_id, r.workflow, r.version, r.error,
       d.failed_at, d.dismissed_at, d.reason, r.attempt
FROM (
    SELECT l.*
    FROM unnest($2::smallint[]) AS s (shard)
    CROSS JOIN LATERAL (
        (SELECT * FROM flows.dead_letters l
         WHERE NOT $4::boolean AND l.shard = s.shard AND l.tenant_id = $1 AND l.dismissed_at IS NULL
         ORDER BY l.failed_at DESC LIMIT $3::bigint)
        UNION ALL
        (SELECT * FROM flows.dead_letters l
         WHERE $4::boolean AND l.shard = s.shard AND l.tenant_id = $1 AND l.dismissed_at IS NOT NULL
         ORDER BY l.failed_at DESC LIMIT $3::bigint)
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
