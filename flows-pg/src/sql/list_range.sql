-- Reads which runs of a tenant have an attribute within a range, by value. $1 tenant, $2 name, $3 the first value,
-- $4 the value that they come before, $5 and $6 the time and the run to go on behind among those of the first value;
-- $7 the most runs.
-- Called by `list` and `count`. Locks nothing. Index: attributes_listed.
SELECT a.shard, a.run_id, a.encoded, a.created_at
FROM flows.attributes a
WHERE a.tenant_id = $1 AND a.name = $2 AND a.encoded >= $3 AND a.encoded < $4 AND a.created_at > '-infinity'
  AND (a.encoded, a.created_at, a.run_id) > ($3, $5::timestamptz, $6::uuid)
ORDER BY a.encoded, a.created_at, a.run_id
LIMIT $7::bigint
