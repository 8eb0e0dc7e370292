-- Reads which runs of a tenant are open, from their placements, if these tables are small: else the answer is
-- nothing. A row without run says that it is the answer. $1 tenant, $2 all shards, $3 the most runs.
-- Called by `list` and `count`. Locks nothing. Indexes: owned_pkey; ready_pkey and parked_pkey, whole.
WITH small AS MATERIALIZED (
    SELECT sum(CASE WHEN c.reltuples < 0 THEN pg_relation_size(c.oid) / 100 ELSE c.reltuples END) < 5000 AS so
    FROM unnest(ARRAY['flows.ready', 'flows.parked']::regclass[]) AS t (oid)
    JOIN pg_catalog.pg_class c ON c.oid = t.oid::oid
)
SELECT NULL::smallint AS shard, NULL::uuid AS run_id FROM small WHERE so
UNION ALL
(SELECT p.shard, p.run_id
 FROM (
     SELECT shard, run_id FROM flows.owned WHERE shard = ANY ($2::smallint[]) AND tenant_id = $1
     UNION ALL
     SELECT shard, run_id FROM flows.ready WHERE shard = ANY ($2) AND tenant_id = $1
     UNION ALL
     SELECT shard, run_id FROM flows.parked
     WHERE run_id >= '00000000-0000-0000-0000-000000000000'::uuid AND tenant_id = $1
 ) AS p
 WHERE (SELECT so FROM small)
 LIMIT $3::bigint)
