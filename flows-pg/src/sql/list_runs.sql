-- Reads runs by their keys. $1 tenant, $2 shards, $3 runs, in the order in which they are wanted; $4 whether
-- payloads are read, $5 the most bytes of them, as they are stored: the first run is read whatever it has.
-- Called by `list` and `count`. Locks nothing. Index: runs_pkey.
SELECT r.shard, r.tenant_id, r.run_id, r.workflow_id, r.workflow, r.version, r.queue, r.priority, r.status,
       r.attempt, CASE WHEN $4 THEN r.input::text END AS input, CASE WHEN $4 THEN r.output::text END AS output,
       CASE WHEN $4 OR pg_column_size(r.error) < 8000 THEN r.error::text END AS error, r.created_at, r.closed_at,
       r.timeout_us, r.predecessor, r.successor, r.parent_run, r.parent_op, r.options::text AS options, 0::bigint AS inbox
FROM (
    SELECT r.*, k.nth, sum(r.bytes) OVER (ORDER BY k.nth) - r.bytes AS bytes_before
    FROM (SELECT generate_series(1, cardinality($2::smallint[])) AS nth, unnest($2::smallint[]) AS shard,
                 unnest($3::uuid[]) AS run_id) AS k
    CROSS JOIN LATERAL (
        SELECT r.*, CASE WHEN $4::boolean THEN pg_column_size(r.input) + coalesce(pg_column_size(r.output), 0)
                    ELSE 0 END AS bytes
        FROM flows.runs r
        WHERE r.shard = ANY (ARRAY[k.shard]) AND r.tenant_id = $1 AND r.run_id = k.run_id
        LIMIT 1
    ) AS r
) AS r
WHERE r.bytes_before < $5::bigint
ORDER BY r.nth
