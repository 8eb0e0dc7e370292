-- Publishes values for queries. $1 to $3 keys, $4 names, $5 journal rows, $6 values.
-- Called by `commit`, in the transaction of what the runs have done. A value replaces one that was written with as
-- many rows or fewer: so a worker that has lost the run without knowing it does no harm. The same value is not
-- written again: a run that is read again publishes what it has published before.
-- Locks the rows it writes, in the order of the arrays (sorted by the caller). Index: query_values_pkey.
INSERT INTO flows.query_values AS q (shard, tenant_id, run_id, name, rows, value)
SELECT k.shard, k.tenant_id, k.run_id, k.name, k.rows, k.value::jsonb
FROM (SELECT unnest($1::smallint[]) AS shard, unnest($2::uuid[]) AS tenant_id, unnest($3::uuid[]) AS run_id,
             unnest($4::text[]) AS name, unnest($5::integer[]) AS rows, unnest($6::text[]) AS value) AS k
-- Idempotent: the same value, or an older one, changes nothing.
ON CONFLICT (shard, tenant_id, run_id, name) DO UPDATE SET rows = excluded.rows, value = excluded.value
WHERE q.rows <= excluded.rows AND q.value::text <> excluded.value::text
