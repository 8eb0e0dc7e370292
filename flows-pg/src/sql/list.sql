-- Lists or counts a part of a page of a tenant's runs, newest first. $1 tenant; filters: $2 workflow, $3 version, $4
-- status (null: any), $5 whether it is one that `outcome` has, $6 ended at or after, $7 ended
-- before, $8 whether either is given, $9 created at or after, $10 created before; $11 and $12 the time and the
-- run to go on behind; $13 the most runs that are looked at, $14 limit (null: they are only counted), $15
-- whether payloads are read, $16 the most bytes of them, as they are stored; $17 all shards, to look for open
-- runs in their placements, or null; $18 a minute before $6.
-- (What is never null is so because COALESCE is no condition of an index behind row security.)
-- Called by `part`. Locks nothing. Indexes: runs_listed, runs_outcome, runs_ended_late; owned_pkey,
-- ready_pkey and parked_pkey, whole, where these tables are small, and runs_pkey for what they hold. What is
-- listed is read by its place.
-- Runs of one workflow are a group, and lie in runs_listed by their time. It walks from group to group,
-- backwards, so to the newest of each. Of the n-th newest group it looks at a share of at least an n-th of the
-- limit. What is older than the end of a share that was cut short is for a later page.
-- Runs of a workflow with an outcome are looked for in both indexes; what is taken is from the one that goes
-- further back.
-- A run that ended within a minute is found by its creation; the others lie in runs_ended_late.
-- The answer ends with a row without shard: how many were found, and where to go on, if there is more.
WITH RECURSIVE late AS MATERIALIZED (
    SELECT r.ctid AS place, r.run_id, r.created_at, r.status, r.workflow, r.version
    FROM flows.runs r
    WHERE $8::boolean AND r.tenant_id = $1 AND r.ended_late IS NOT NULL
      AND r.ended_late >= $6 AND r.ended_late < $7
    LIMIT 2001
), small AS MATERIALIZED (
    SELECT sum(CASE WHEN c.reltuples < 0 THEN pg_relation_size(c.oid) / 100 ELSE c.reltuples END) < 20000 AS so
    FROM unnest(ARRAY['flows.ready', 'flows.owned', 'flows.parked']::regclass[]) AS t (oid)
    JOIN pg_catalog.pg_class c ON c.oid = t.oid::oid
    WHERE $17::smallint[] IS NOT NULL
), open AS MATERIALIZED (
    SELECT p.shard, p.run_id
    FROM (
        SELECT shard, run_id FROM flows.owned WHERE shard = ANY ($17::smallint[]) AND tenant_id = $1
        UNION ALL
        SELECT shard, run_id FROM flows.ready WHERE shard = ANY ($17::smallint[]) AND tenant_id = $1
        UNION ALL
        SELECT shard, run_id FROM flows.parked
        WHERE run_id >= '00000000-0000-0000-0000-000000000000'::uuid AND tenant_id = $1
    ) AS p
    WHERE (SELECT so FROM small)
    LIMIT 5001
), way AS MATERIALIZED (
    SELECT (SELECT so FROM small) IS TRUE AND (SELECT count(*) FROM open) <= 5000 AS by_places,
           $8::boolean AND (SELECT count(*) FROM late) <= 2000 AS by_end
), span AS MATERIALIZED (
    SELECT CASE WHEN w.by_end THEN greatest($9::timestamptz, $18::timestamptz) ELSE $9 END AS since,
           CASE WHEN w.by_end THEN least($10::timestamptz, $7::timestamptz) ELSE $10 END AS until
    FROM way w
), groups (workflow, newest) AS (
    (SELECT r.workflow, r.created_at
     FROM (
         (SELECT r.workflow, r.created_at FROM flows.runs r
          WHERE $2::text IS NULL AND r.tenant_id = $1 AND r.created_at > '-infinity'
          ORDER BY r.workflow DESC, r.created_at DESC LIMIT 1)
         UNION ALL
         (SELECT r.workflow, r.created_at FROM flows.runs r
          WHERE r.tenant_id = $1 AND r.workflow = $2 AND r.created_at > '-infinity'
          ORDER BY r.created_at DESC LIMIT 1)
     ) AS r
     WHERE (NOT $5::boolean OR $2 IS NOT NULL) AND NOT (SELECT by_places FROM way))
    UNION ALL
    SELECT r.workflow, r.created_at
    FROM groups g
    CROSS JOIN LATERAL (
        SELECT r.workflow, r.created_at FROM flows.runs r
        WHERE $2 IS NULL AND r.tenant_id = $1 AND r.created_at > '-infinity' AND r.workflow < g.workflow
        ORDER BY r.workflow DESC, r.created_at DESC LIMIT 1
    ) AS r
), ranked AS MATERIALIZED (
    SELECT g.*, row_number() OVER (ORDER BY g.newest DESC) AS nth, count(*) OVER () AS groups
    FROM groups g
), share AS MATERIALIZED (
    SELECT g.*, greatest(1, ($14::bigint + g.nth - 1) / g.nth, $13::bigint / g.groups) AS size FROM ranked g
), walked AS MATERIALIZED (
    SELECT r.*, r.nth = s.size AS is_last, false AS by_outcome
    FROM share s
    CROSS JOIN LATERAL (
        SELECT r.ctid AS place, r.run_id, r.created_at, r.status, r.workflow, r.version, r.closed_at,
               r.ended_late, row_number() OVER (ORDER BY r.created_at DESC, r.run_id DESC) AS nth
        FROM flows.runs r
        WHERE r.tenant_id = $1 AND r.workflow = s.workflow
          AND r.created_at > '-infinity'
          AND r.created_at >= (SELECT since FROM span) AND r.created_at < (SELECT until FROM span)
          AND (r.created_at, r.run_id) < ($11::timestamptz, $12::uuid)
        ORDER BY r.created_at DESC, r.run_id DESC
        LIMIT s.size
    ) AS r
    UNION ALL
    SELECT r.*, r.nth = $13 AS is_last, true AS by_outcome
    FROM (
        SELECT r.ctid AS place, r.run_id, r.created_at, r.status, r.workflow, r.version, r.closed_at,
               r.ended_late, row_number() OVER (ORDER BY r.created_at DESC, r.run_id DESC) AS nth
        FROM flows.runs r
        WHERE $5 AND r.tenant_id = $1 AND r.outcome IS NOT NULL AND r.outcome = $4::smallint
          AND r.created_at >= (SELECT since FROM span) AND r.created_at < (SELECT until FROM span)
          AND (r.created_at, r.run_id) < ($11::timestamptz, $12::uuid)
        ORDER BY r.created_at DESC, r.run_id DESC
        LIMIT $13
    ) AS r
), horizon AS MATERIALIZED (
    SELECT p.by_outcome, h.created_at, h.run_id
    FROM (VALUES (false, NOT $5 OR $2 IS NOT NULL), (true, $5)) AS p (by_outcome, is_taken)
    LEFT JOIN LATERAL (
        SELECT w.created_at, w.run_id FROM walked w
        WHERE w.is_last AND w.by_outcome = p.by_outcome
        ORDER BY w.created_at DESC, w.run_id DESC LIMIT 1
    ) AS h ON true
    WHERE p.is_taken
    ORDER BY h.created_at NULLS FIRST, h.run_id LIMIT 1
), matching AS MATERIALIZED (
    SELECT s.place, s.created_at, s.run_id
    FROM (
        SELECT w.place, w.run_id, w.created_at, w.status, w.workflow, w.version FROM walked w
        WHERE w.by_outcome = (SELECT by_outcome FROM horizon)
          AND (NOT $8 OR (w.closed_at >= $6 AND w.closed_at < $7
                          AND (w.ended_late IS NULL OR NOT (SELECT by_end FROM way))))
        UNION ALL
        SELECT place, run_id, created_at, status, workflow, version FROM late WHERE (SELECT by_end FROM way)
        UNION ALL
        SELECT r.*
        FROM open o
        CROSS JOIN LATERAL (
            SELECT r.ctid AS place, r.run_id, r.created_at, r.status, r.workflow, r.version FROM flows.runs r
            WHERE r.shard = o.shard AND r.tenant_id = $1 AND r.run_id = o.run_id
            LIMIT 1
        ) AS r
        WHERE (SELECT by_places FROM way)
    ) AS s
    WHERE ($2::text IS NULL OR s.workflow = $2) AND ($3::bigint IS NULL OR s.version = $3)
      AND ($4::smallint IS NULL OR s.status = $4)
      AND s.created_at >= $9 AND s.created_at < $10
      AND (s.created_at, s.run_id) < ($11::timestamptz, $12::uuid)
      AND ((s.created_at, s.run_id) >= (SELECT h.created_at, h.run_id FROM horizon h)) IS NOT FALSE
), found AS MATERIALIZED (
    SELECT * FROM matching ORDER BY created_at DESC, run_id DESC LIMIT $14::bigint
), page AS (
    SELECT r.*, sum(r.bytes) OVER (ORDER BY f.created_at DESC, f.run_id DESC) - r.bytes AS bytes_before
    FROM found f
    CROSS JOIN LATERAL (
        SELECT r.*, CASE WHEN $15::boolean THEN pg_column_size(r.input) + coalesce(pg_column_size(r.output), 0)
                    ELSE 0 END AS bytes
        FROM flows.runs r
        WHERE r.ctid = f.place
    ) AS r
    WHERE $14 IS NOT NULL
)
SELECT p.shard, p.tenant_id, p.run_id, p.workflow_id, p.workflow, p.version, p.queue, p.priority,
       p.status, p.attempt, CASE WHEN $15 THEN p.input::text END AS input,
       CASE WHEN $15 THEN p.output::text END AS output,
       CASE WHEN $15 OR pg_column_size(p.error) < 8000 THEN p.error::text END AS error,
       p.created_at, p.closed_at, p.timeout_us, p.predecessor, p.successor, p.parent_run, p.parent_op,
       p.retry::text AS retry, 0::bigint AS inbox, 0::bigint AS found
FROM page p
WHERE p.bytes_before < $16::bigint
UNION ALL
SELECT NULL, NULL, h.run_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, h.created_at,
       NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0,
       CASE WHEN $14 IS NULL THEN (SELECT count(*) FROM matching) ELSE (SELECT count(*) FROM found) END
FROM horizon h
ORDER BY created_at DESC NULLS LAST, run_id DESC
