-- Reads the inboxes of runs, in order. $1 to $3 keys; `run` counts them from 1.
-- Called by `collect`, behind the statement that gave it the runs.
-- Locks nothing. Index: inbox_pkey.
SELECT k.run, i.seq, i.kind, i.codec, i.name, i.payload
FROM unnest($1::smallint[], $2::uuid[], $3::uuid[]) WITH ORDINALITY AS k (shard, tenant_id, run_id, run)
JOIN flows.inbox i ON i.shard = ANY (ARRAY[k.shard]) AND i.tenant_id = k.tenant_id AND i.run_id = k.run_id
ORDER BY k.run, i.seq
