-- Reads the journals of runs, in order. $1 to $3 keys; `run` counts them from 1.
-- Called by `claim` and `reload`, behind the statement that gave them the runs: what made a run
-- ready is visible to a statement that starts later. Locks nothing. Index: journal_pkey.
SELECT k.run, j.position, j.events
FROM unnest($1::smallint[], $2::uuid[], $3::uuid[]) WITH ORDINALITY AS k (shard, tenant_id, run_id, run)
JOIN flows.journal j ON j.shard = ANY (ARRAY[k.shard]) AND j.tenant_id = k.tenant_id AND j.run_id = k.run_id
ORDER BY k.run, j.position
