-- Walks through the children of a run, newest first. $1 tenant, $2 the run; $3 created at or after, $4 created before;
-- $5 and $6 the time and the run to go on behind; $7 the most children that are looked at; what they must pass: $8
-- workflow, $9 version, $10 status (null: any), $11 ended at or after, $12 ended before, $13 whether either is given;
-- $14 the most that are read (0: they are only counted).
-- Called by `list` and `count`. Locks nothing. Index: runs_children; what is read, by its place.
-- The answer: runs; a row without shard that says how many have passed, and, if there may be more, where to go on.
WITH walked AS MATERIALIZED (
    SELECT r.*, row_number() OVER (ORDER BY r.created_at DESC, r.run_id DESC) AS nth,
           ($8::text IS NULL OR r.workflow = $8) AND ($9::bigint IS NULL OR r.version = $9)
           AND ($10::smallint IS NULL OR r.status = $10)
           AND (NOT $13::boolean OR (r.closed_at >= $11::timestamptz AND r.closed_at < $12::timestamptz) IS TRUE) AS passes
    FROM (
        SELECT r.ctid AS place, r.run_id, r.created_at, r.status, r.workflow, r.version, r.closed_at
        FROM flows.runs r
        WHERE r.tenant_id = $1 AND r.parent_run = $2 AND r.parent_run IS NOT NULL
          AND r.created_at >= $3::timestamptz AND r.created_at < $4::timestamptz AND r.created_at <= $5::timestamptz
          AND (r.created_at, r.run_id) < ($5, $6::uuid)
        ORDER BY r.created_at DESC, r.run_id DESC
        LIMIT $7::bigint
    ) AS r
), newest AS MATERIALIZED (
    SELECT place, created_at, run_id FROM walked WHERE passes
    ORDER BY created_at DESC, run_id DESC LIMIT $14::bigint
)
SELECT r.shard, r.tenant_id, r.run_id, r.workflow_id, r.workflow, r.version, r.queue, r.priority, r.status,
       r.attempt, NULL::text AS input, NULL::text AS output,
       CASE WHEN pg_column_size(r.error) < 8000 THEN r.error::text END AS error, r.created_at, r.closed_at,
       r.timeout_us, r.predecessor, r.successor, r.parent_run, r.parent_op, r.options::text AS options, 0::bigint AS inbox,
       0::bigint AS found
FROM newest n
CROSS JOIN LATERAL (SELECT r.* FROM flows.runs r WHERE r.ctid = n.place) AS r
UNION ALL
SELECT NULL, NULL, w.run_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, w.created_at,
       NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, (SELECT count(*) FROM walked w WHERE w.passes)
FROM (SELECT true) AS one
LEFT JOIN LATERAL (SELECT w.run_id, w.created_at FROM walked w WHERE w.nth = $7 LIMIT 1) AS w ON true
