-- Reads which groups of runs a tenant has, the versions of each workflow, with the time of the newest run of each.
-- $1 tenant, $2 and $3 workflow and version that they come before, $4 the first workflow, $5 the most groups;
-- $6 only runs that ended in this exceptional way (null: all).
-- Called by `list` and `count`. Locks nothing. Indexes: runs_listed, runs_outcome. It steps from group to group,
-- backwards, once down the index for each.
WITH RECURSIVE groups (workflow, version, newest, nth) AS (
    SELECT $2::text COLLATE "C", $3::bigint, NULL::timestamptz, 0::bigint
    UNION ALL
    SELECT r.workflow, r.version, r.created_at, g.nth + 1
    FROM groups g
    CROSS JOIN LATERAL (
        (SELECT r.workflow, r.version, r.created_at FROM flows.runs r
         WHERE $6::smallint IS NULL AND r.tenant_id = $1 AND r.created_at > '-infinity'
           AND (r.workflow, r.version) < (g.workflow, g.version) AND r.workflow >= $4
         ORDER BY r.workflow DESC, r.version DESC, r.created_at DESC LIMIT 1)
        UNION ALL
        (SELECT r.workflow, r.version, r.created_at FROM flows.runs r
         WHERE r.tenant_id = $1 AND r.outcome IS NOT NULL AND r.outcome = $6
           AND (r.workflow, r.version) < (g.workflow, g.version) AND r.workflow >= $4
         ORDER BY r.workflow DESC, r.version DESC, r.created_at DESC LIMIT 1)
    ) AS r
    WHERE g.nth < $5::bigint
)
SELECT workflow, version, newest FROM groups WHERE nth > 0
