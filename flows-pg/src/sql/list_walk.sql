-- Walks through groups of a tenant's runs, the versions of workflows, each newest first. $1 tenant; of each group:
-- $2 workflow, $3 version, $4 and $5 the time and the run to go on behind; $6 the most runs to look at in each;
-- $7 created at or after, $8 created before, $9 the exceptional status by whose index they are found (null: by that
-- of all); what they must pass: $10 status (null: any), $11 ended at or after, $12 ended before, $13 whether either
-- is given, $14 whether it ended soon; $15 the most runs that are read (0: they are only counted).
-- (What is never null is so because COALESCE is no condition of an index behind row security.)
-- Called by `list` and `count`. Locks nothing. Indexes: runs_listed, runs_outcome; what is read, by its place.
-- The answer: runs; a row without shard for each group that has more, with the last run it looked at; and one of
-- `stream` 0 that says how many have passed.
WITH walked AS MATERIALIZED (
    SELECT g.stream, r.*,
           ($10::smallint IS NULL OR r.status = $10)
           AND (NOT $13::boolean OR (r.closed_at >= $11::timestamptz AND r.closed_at < $12::timestamptz
                                     AND (NOT $14::boolean OR r.ended_late IS NULL))) IS TRUE AS passes
    FROM (SELECT generate_series(1, cardinality($2::text[])) AS stream, unnest($2::text[]) AS workflow,
                 unnest($3::bigint[]) AS version, unnest($4::timestamptz[]) AS at, unnest($5::uuid[]) AS behind) AS g
    CROSS JOIN LATERAL (
        SELECT r.*, row_number() OVER (ORDER BY r.created_at DESC, r.run_id DESC) AS nth
        FROM (
            (SELECT r.ctid AS place, r.run_id, r.created_at, r.status, r.closed_at, r.ended_late FROM flows.runs r
             WHERE $9::smallint IS NULL AND r.tenant_id = $1 AND r.workflow = g.workflow AND r.version = g.version
               AND r.created_at > '-infinity' AND r.created_at >= $7 AND r.created_at < $8 AND r.created_at <= g.at
               AND (r.created_at, r.run_id) < (g.at, g.behind)
             ORDER BY r.created_at DESC, r.run_id DESC LIMIT $6::bigint)
            UNION ALL
            (SELECT r.ctid AS place, r.run_id, r.created_at, r.status, r.closed_at, r.ended_late FROM flows.runs r
             WHERE r.tenant_id = $1 AND r.outcome IS NOT NULL AND r.outcome = $9
               AND r.workflow = g.workflow AND r.version = g.version
               AND r.created_at >= $7 AND r.created_at < $8 AND r.created_at <= g.at
               AND (r.created_at, r.run_id) < (g.at, g.behind)
             ORDER BY r.created_at DESC, r.run_id DESC LIMIT $6)
        ) AS r
    ) AS r
), newest AS MATERIALIZED (
    SELECT stream, place, created_at, run_id FROM walked WHERE passes
    ORDER BY created_at DESC, run_id DESC LIMIT $15::bigint
)
SELECT n.stream, r.shard, r.tenant_id, r.run_id, r.workflow_id, r.workflow, r.version, r.queue, r.priority, r.status,
       r.attempt, NULL::text AS input, NULL::text AS output,
       CASE WHEN pg_column_size(r.error) < 8000 THEN r.error::text END AS error, r.created_at, r.closed_at,
       r.timeout_us, r.predecessor, r.successor, r.parent_run, r.parent_op, r.options::text AS options, 0::bigint AS inbox,
       0::bigint AS found
FROM newest n
CROSS JOIN LATERAL (SELECT r.* FROM flows.runs r WHERE r.ctid = n.place) AS r
UNION ALL
SELECT w.stream, NULL, NULL, w.run_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, w.created_at,
       NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0
FROM walked w WHERE w.nth = $6
UNION ALL
SELECT 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
       NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, (SELECT count(*) FROM walked w WHERE w.passes)
