-- Finds the records of an aborted batch whose run somebody else holds. $1 to $3 keys; $4 whether the
-- record moves the run or refuses an update: one that does not needs no placement, but the next position of its journal, which
-- who terminates the run holds together with the run's row.
-- Called by `commit`, after a lock timeout and for records that were held. Locks what it finds free, for as long as it runs, and
-- skips what others hold. Indexes: runs_pkey, owned_pkey.
WITH free_run AS MATERIALIZED (
    SELECT k.record
    FROM unnest($1::smallint[], $2::uuid[], $3::uuid[]) WITH ORDINALITY AS k (shard, tenant_id, run_id, record)
    JOIN flows.runs r ON r.shard = ANY (ARRAY[k.shard]) AND r.tenant_id = k.tenant_id AND r.run_id = k.run_id
    FOR UPDATE OF r SKIP LOCKED
), free_place AS MATERIALIZED (
    SELECT k.record
    FROM unnest($1::smallint[], $2::uuid[], $3::uuid[]) WITH ORDINALITY AS k (shard, tenant_id, run_id, record)
    JOIN flows.owned o ON o.shard = ANY (ARRAY[k.shard]) AND o.tenant_id = k.tenant_id AND o.run_id = k.run_id
    FOR UPDATE OF o SKIP LOCKED
)
SELECT record FROM generate_series(1::bigint, cardinality($1::smallint[])) AS record
WHERE record NOT IN (SELECT record FROM free_run)
   OR (($4::boolean[])[record] AND record NOT IN (SELECT record FROM free_place))
