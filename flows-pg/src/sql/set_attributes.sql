-- Gives runs search attributes. $1 to $3 keys, $4 names, $5 journal rows, $6 values.
-- Called by `start` and `commit`, in the transaction of what has started the runs, or of what they have done. A row
-- repeats when its run was created, so that lists find it in order. A value replaces one that was given with as many
-- journal rows or fewer: so a worker that has lost the run without knowing it does no harm. The same value is not
-- written again. A run that does not exist gets none.
-- Locks the rows it writes, in the order of the arrays (sorted by the caller). Indexes: runs_pkey, attributes_pkey.
INSERT INTO flows.attributes AS a (shard, tenant_id, run_id, name, rows, encoded, created_at)
SELECT k.shard, k.tenant_id, k.run_id, k.name, k.rows, k.encoded, r.created_at
FROM (SELECT unnest($1::smallint[]) AS shard, unnest($2::uuid[]) AS tenant_id, unnest($3::uuid[]) AS run_id,
             unnest($4::text[]) AS name, unnest($5::integer[]) AS rows, unnest($6::bytea[]) AS encoded) AS k
CROSS JOIN LATERAL (
    SELECT r.created_at FROM flows.runs r
    WHERE r.shard = ANY (ARRAY[k.shard]) AND r.tenant_id = k.tenant_id AND r.run_id = k.run_id
    LIMIT 1
) AS r
-- Idempotent: the same value, or an older one, changes nothing.
ON CONFLICT (shard, tenant_id, run_id, name) DO UPDATE SET rows = excluded.rows, encoded = excluded.encoded
WHERE a.rows <= excluded.rows AND a.encoded <> excluded.encoded
