-- Forgets the setbacks of runs that have got further. $1 worker, $2 to $4 keys.
-- Called by `commit`, in the transaction of what they have done. Locks their placements, in the order of the
-- arrays (sorted by the caller). Index: owned_pkey.
UPDATE flows.owned o SET setbacks = 0
FROM (SELECT unnest($2::smallint[]) AS shard, unnest($3::uuid[]) AS tenant_id, unnest($4::uuid[]) AS run_id) AS c
WHERE o.shard = ANY (ARRAY[c.shard]) AND o.tenant_id = c.tenant_id AND o.run_id = c.run_id
  AND o.worker_id = $1
