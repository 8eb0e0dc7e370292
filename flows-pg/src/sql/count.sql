-- Counts a page of a tenant's runs. $1 to $11 as in `list.sql`. Answers the last that was seen, if there
-- are more runs to look at.
-- Called by `count`. Locks nothing. Index: runs_newest, backwards.
WITH scanned AS MATERIALIZED (
    SELECT r.run_id, r.created_at,
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
), total AS MATERIALIZED (
    SELECT count(*) FILTER (WHERE matches) AS runs, count(*) = $11::bigint AS goes_on FROM scanned
)
SELECT t.runs, s.created_at, s.run_id
FROM total t
LEFT JOIN LATERAL (
    SELECT s.created_at, s.run_id FROM scanned s WHERE t.goes_on ORDER BY s.created_at, s.run_id LIMIT 1
) AS s ON true
