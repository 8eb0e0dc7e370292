-- Reads whether runs are open, and what goes on in their place. $1 to $3 keys; `run` counts them from 1.
-- Called by `send`, for messages that found no placement. Locks nothing. Index: runs_pkey.
SELECT k.run, r.status, r.successor
FROM unnest($1::smallint[], $2::uuid[], $3::uuid[]) WITH ORDINALITY AS k (shard, tenant_id, run_id, run)
JOIN flows.runs r ON r.shard = ANY (ARRAY[k.shard]) AND r.tenant_id = k.tenant_id AND r.run_id = k.run_id
