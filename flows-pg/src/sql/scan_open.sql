-- Reads a page of the open runs of one shard, in the order of their ids. $1 shard, $2 and $3 run
-- and tenant to go on from, $4 limit.
-- Called by `scan`, in a transaction that only reads. One statement, so one snapshot of the three
-- placements: a run that moves is found in one of them.
-- Locks nothing. Indexes: parked_pkey from where the last page ended, past entries of other shards;
-- ready_pkey and owned_pkey by the shard, whose runs are sorted; runs_pkey for the page.
WITH page AS MATERIALIZED (
    SELECT place.tenant_id, place.run_id
    FROM (
        (SELECT tenant_id, run_id FROM flows.ready
         WHERE shard = $1 AND (run_id, tenant_id) > ($2::uuid, $3::uuid)
         ORDER BY run_id, tenant_id LIMIT $4::bigint)
        UNION ALL
        (SELECT tenant_id, run_id FROM flows.owned
         WHERE shard = $1 AND (run_id, tenant_id) > ($2::uuid, $3::uuid)
         ORDER BY run_id, tenant_id LIMIT $4::bigint)
        UNION ALL
        (SELECT tenant_id, run_id FROM flows.parked
         WHERE shard = $1 AND (run_id, tenant_id) > ($2::uuid, $3::uuid)
         ORDER BY run_id, tenant_id LIMIT $4::bigint)
    ) AS place
    ORDER BY place.run_id, place.tenant_id
    LIMIT $4::bigint
)
SELECT r.shard, r.tenant_id, r.run_id, r.workflow_id, r.workflow, r.version, r.queue, r.priority,
       r.input::text AS input, coalesce(r.starts_at, r.created_at) AS started_at, r.attempt,
       r.options::text AS options, r.timeout_us, r.parent_run, r.parent_op, r.status, true AS load,
       0::bigint AS claim, 0::smallint AS setbacks
FROM page p
JOIN flows.runs r ON r.shard = ANY (ARRAY[$1]) AND r.tenant_id = p.tenant_id AND r.run_id = p.run_id
ORDER BY r.run_id, r.tenant_id
