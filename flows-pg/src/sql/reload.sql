-- Reads runs that a worker still owns. $1 worker; $2 to $4 keys; $5 the most bytes of inputs: what does not
-- fit comes without, but for one that is asked for alone.
-- Called by `reload`. Locks nothing. Indexes: owned_pkey, runs_pkey, for each key. (Joined without
-- LIMIT, one of them might be searched without its first column.)
SELECT r.shard, r.tenant_id, r.run_id, r.workflow_id, r.workflow, r.version, r.queue, r.priority,
       CASE WHEN sum(CASE WHEN pg_column_compression(r.input) IS NULL THEN pg_column_size(r.input)
                          ELSE octet_length(r.input::text) END)
                 OVER (ORDER BY r.run_id ROWS UNBOUNDED PRECEDING) <= $5::bigint OR cardinality($4) = 1
            THEN r.input::text END AS input,
       coalesce(r.starts_at, r.created_at) AS started_at, r.attempt,
       r.options::text AS options, r.timeout_us, r.parent_run, r.parent_op, true AS load,
       o.claim, o.setbacks
FROM (SELECT unnest($2::smallint[]) AS shard, unnest($3::uuid[]) AS tenant_id, unnest($4::uuid[]) AS run_id) AS k
CROSS JOIN LATERAL (
    SELECT o.claim, o.setbacks FROM flows.owned o
    WHERE o.shard = k.shard AND o.tenant_id = k.tenant_id AND o.run_id = k.run_id
      AND o.worker_id = $1
    LIMIT 1
) AS o
CROSS JOIN LATERAL (
    SELECT r.* FROM flows.runs r
    WHERE r.shard = k.shard AND r.tenant_id = k.tenant_id AND r.run_id = k.run_id AND r.status = 0
    LIMIT 1
) AS r
