-- Walks through a tenant's runs by values of an attribute, those of each value newest first. $1 tenant, $2 name; of
-- each value: $3 the value, $4 and $5 the time and the run to go on behind; $6 the most runs of each, $7 created at or
-- after.
-- Called by `list` and `count`. Locks nothing. Indexes: attributes_listed, and runs_pkey for what it finds.
-- The answer: runs; and a row without shard for each value that has more, with the last run of it.
WITH walked AS MATERIALIZED (
    SELECT g.stream, a.*
    FROM (SELECT generate_series(1, cardinality($3::bytea[])) AS stream, unnest($3::bytea[]) AS encoded,
                 unnest($4::timestamptz[]) AS at, unnest($5::uuid[]) AS behind) AS g
    CROSS JOIN LATERAL (
        SELECT a.*, row_number() OVER (ORDER BY a.created_at DESC, a.run_id DESC) AS nth
        FROM (
            SELECT a.shard, a.run_id, a.created_at FROM flows.attributes a
            WHERE a.tenant_id = $1 AND a.name = $2 AND a.encoded = g.encoded AND a.created_at > '-infinity'
              AND a.created_at >= $7 AND a.created_at <= g.at
              AND (a.created_at, a.run_id) < (g.at, g.behind)
            ORDER BY a.created_at DESC, a.run_id DESC LIMIT $6::bigint
        ) AS a
    ) AS a
)
SELECT w.stream, r.shard, r.tenant_id, r.run_id, r.workflow_id, r.workflow, r.version, r.queue, r.priority, r.status,
       r.attempt, NULL::text AS input, NULL::text AS output,
       CASE WHEN pg_column_size(r.error) < 8000 THEN r.error::text END AS error, r.created_at, r.closed_at,
       r.timeout_us, r.predecessor, r.successor, r.parent_run, r.parent_op, r.options::text AS options, 0::bigint AS inbox
FROM walked w
CROSS JOIN LATERAL (
    SELECT r.* FROM flows.runs r
    WHERE r.shard = ANY (ARRAY[w.shard]) AND r.tenant_id = $1 AND r.run_id = w.run_id
    LIMIT 1
) AS r
UNION ALL
SELECT w.stream, NULL, NULL, w.run_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, w.created_at,
       NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0
FROM walked w WHERE w.nth = $6
ORDER BY stream, created_at DESC, run_id DESC
