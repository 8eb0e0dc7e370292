-- Reads a value that a run has published for queries. $1 to $3 key, $4 name. Called by `query`. Locks nothing.
-- Index: query_values_pkey.
SELECT value::text AS value FROM flows.query_values
WHERE shard = $1 AND tenant_id = $2 AND run_id = $3 AND name = $4
