-- Reads how runs ended. $1 to $3 keys. Called by `outcomes`. Locks nothing. Index: runs_pkey.
SELECT r.shard, r.tenant_id, r.run_id, r.status, r.output::text AS output, r.error::text AS error,
       r.successor
FROM (SELECT unnest($1::smallint[]) AS shard, unnest($2::uuid[]) AS tenant_id, unnest($3::uuid[]) AS run_id) AS k
JOIN flows.runs r ON r.shard = ANY (ARRAY[k.shard]) AND r.tenant_id = k.tenant_id AND r.run_id = k.run_id
WHERE r.status <> 0
