-- Lists a page of a tenant's runs, newest first. $1 tenant; then filters that null switches off: $2
-- workflow, $3 version, $4 status, $5 ended at or after, $6 ended before; $7 created at or after, $8
-- created before, $9 and $10 the time and the run to go on behind (never null: behind row security,
-- COALESCE is no condition of an index); $11 the most runs that are looked at, $12 limit, $13 whether
-- payloads are read, $14 the most bytes of them, as they are stored.
-- Called by `list`. Locks nothing. Indexes: runs_newest, backwards; runs_pkey for those that are listed.
-- The answer ends with a row without shard, if there are more runs to look at: the last that was seen.
WITH scanned AS MATERIALIZED (
    SELECT r.shard, r.run_id, r.created_at,
           ($2::text IS NULL OR r.workflow = $2) AND ($3::bigint IS NULL OR r.version = $3)
               AND ($4::smallint IS NULL OR r.status = $4)
               AND ($5::timestamptz IS NULL OR r.closed_at >= $5)
               AND ($6::timestamptz IS NULL OR r.closed_at < $6) AS matches
    FROM flows.runs r
    WHERE r.tenant_id = $1
      AND r.created_at > '-infinity'
      AND r.created_at >= $7 AND r.created_at < $8
      AND (r.created_at, r.run_id) < ($9::timestamptz, $10::uuid)
    ORDER BY r.created_at DESC, r.run_id DESC
    LIMIT $11::bigint
), found AS MATERIALIZED (
    SELECT shard, run_id, created_at FROM scanned WHERE matches IS TRUE LIMIT $12::bigint
), page AS (
    SELECT r.*, sum(r.bytes) OVER (ORDER BY f.created_at DESC, f.run_id DESC) - r.bytes AS bytes_before
    FROM found f
    CROSS JOIN LATERAL (
        SELECT r.*, CASE WHEN $13::boolean THEN pg_column_size(r.input) + coalesce(pg_column_size(r.output), 0)
                    ELSE 0 END AS bytes
        FROM flows.runs r
        WHERE r.shard = f.shard AND r.tenant_id = $1 AND r.run_id = f.run_id
        LIMIT 1
    ) AS r
)
SELECT p.shard, p.tenant_id, p.run_id, p.workflow_id, p.workflow, p.version, p.queue, p.priority,
       p.status, p.attempt, CASE WHEN $13 THEN p.input::text END AS input,
       CASE WHEN $13 THEN p.output::text END AS output,
       CASE WHEN $13 OR pg_column_size(p.error) < 8000 THEN p.error::text END AS error,
       p.created_at, p.closed_at, p.timeout_us, p.predecessor, p.successor, p.parent_run, p.parent_op,
       p.retry::text AS retry, 0::bigint AS inbox, (SELECT count(*) FROM found) AS found
FROM page p
WHERE p.bytes_before < $14::bigint
UNION ALL
(SELECT NULL, NULL, s.run_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, s.created_at,
        NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0
 FROM scanned s
 WHERE (SELECT count(*) FROM found) < $12::bigint AND (SELECT count(*) FROM scanned) = $11::bigint
 ORDER BY s.created_at, s.run_id LIMIT 1)
ORDER BY created_at DESC, run_id DESC
