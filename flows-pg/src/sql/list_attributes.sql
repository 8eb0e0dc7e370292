-- Reads the attributes of runs. $1 tenant, $2 shards, $3 runs.
-- Called by `list` and `count`. Locks nothing. Index: attributes_pkey.
SELECT k.run_id, a.names, a.values
FROM (SELECT unnest($2::smallint[]) AS shard, unnest($3::uuid[]) AS run_id) AS k
CROSS JOIN LATERAL (
    SELECT array_agg(a.name) AS names, array_agg(a.encoded) AS values FROM flows.attributes a
    WHERE a.shard = ANY (ARRAY[k.shard]) AND a.tenant_id = $1 AND a.run_id = k.run_id
) AS a
