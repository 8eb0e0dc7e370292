-- Makes children due that are stuck and are to be terminated; one that ends its workers is tried alone, once more, and
-- ends before its code runs. $1 to $3 keys.
-- Called by `tell_children`, behind the messages. Locks the rows it changes. Index: parked_pkey.
UPDATE flows.parked p SET wake_at = statement_timestamp(), setbacks = greatest(p.setbacks, -2)
FROM (SELECT unnest($1::smallint[]) AS shard, unnest($2::uuid[]) AS tenant_id, unnest($3::uuid[]) AS run_id) AS c
WHERE p.run_id = ANY (ARRAY[c.run_id]) AND p.tenant_id = c.tenant_id AND p.shard = c.shard AND p.setbacks <> 0
