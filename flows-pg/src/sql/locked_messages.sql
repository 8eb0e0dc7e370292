-- Finds the messages of an aborted batch to runs that somebody else holds. $1 to $3 the runs. A run that
-- has no placement, or whose placement comes and goes meanwhile, may be among them: it is asked for again.
-- Called by `commit`, after a lock timeout and for records that were held. Locks what it finds free, for
-- as long as it runs, and skips what others hold. Indexes: owned_pkey, parked_pkey, runs_pkey, ready_pkey.
WITH message AS MATERIALIZED (
    SELECT * FROM unnest($1::smallint[], $2::uuid[], $3::uuid[])
         WITH ORDINALITY AS l (shard, tenant_id, run_id, message)
), open AS MATERIALIZED (
    SELECT l.*, u.lane, u.priority
    FROM message l
    CROSS JOIN LATERAL (
        SELECT u.lane, u.priority FROM flows.runs u
        WHERE u.shard = l.shard AND u.tenant_id = l.tenant_id AND u.run_id = l.run_id AND u.status = 0
        LIMIT 1
    ) AS u
), free_owned AS MATERIALIZED (
    SELECT l.message FROM open l
    JOIN flows.owned o ON o.shard = ANY (ARRAY[l.shard]) AND o.tenant_id = l.tenant_id AND o.run_id = l.run_id
    FOR UPDATE OF o SKIP LOCKED
), free_parked AS MATERIALIZED (
    SELECT l.message FROM open l
    JOIN flows.parked p ON p.run_id = ANY (ARRAY[l.run_id]) AND p.tenant_id = l.tenant_id AND p.shard = l.shard
    FOR UPDATE OF p SKIP LOCKED
), free_ready AS MATERIALIZED (
    SELECT l.message FROM open l
    JOIN flows.ready r ON r.shard = ANY (ARRAY[l.shard]) AND r.lane = l.lane AND r.priority = l.priority
      AND r.run_id = l.run_id AND r.tenant_id = l.tenant_id
    FOR UPDATE OF r SKIP LOCKED
)
SELECT message FROM open
WHERE message NOT IN (SELECT message FROM free_owned)
  AND message NOT IN (SELECT message FROM free_parked)
  AND message NOT IN (SELECT message FROM free_ready)
