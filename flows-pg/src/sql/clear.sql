-- Forgets the setbacks of runs that have got further. $1 worker, $2 to $4 keys.
-- Called by `commit`, in the transaction of what they have done. Locks their places, in the order of the
-- arrays (sorted by the caller). Index: owned_pkey.
UPDATE flows.owned o SET setbacks = 0
FROM unnest($2::smallint[], $3::uuid[], $4::uuid[]) AS c (shard, tenant_id, run_id)
WHERE o.shard = ANY (ARRAY[c.shard]) AND o.tenant_id = c.tenant_id AND o.run_id = c.run_id
  AND o.worker_id = $1
