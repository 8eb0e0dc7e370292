-- Keeps the last heartbeats of attempts that a worker runs, and answers for which of them somebody waits: the worker has
-- them still, and their runs are open. $1 worker, $2 to $4 keys, $5 operations, $6 attempts, $7 details (null: none are
-- new).
-- Called by `check_tasks`. Locks the rows whose details are new, skipping those that others hold: such a one is being
-- taken back. Indexes: activity_tasks_pkey, runs_pkey.
WITH asked AS MATERIALIZED (
    SELECT a.*
    FROM (SELECT unnest($2::smallint[]) AS shard, unnest($3::uuid[]) AS tenant_id, unnest($4::uuid[]) AS run_id,
                 unnest($5::bigint[]) AS op, unnest($6::integer[]) AS attempt, unnest($7::bytea[]) AS heartbeat,
                 generate_series(1::bigint, cardinality($2)) AS number) AS a
), fresh AS MATERIALIZED (
    SELECT t.ctid AS place, a.heartbeat
    FROM asked a
    JOIN flows.activity_tasks t
      ON t.shard = ANY (ARRAY[a.shard]) AND t.tenant_id = a.tenant_id AND t.run_id = a.run_id AND t.op = a.op
     AND t.attempt = a.attempt
    WHERE a.heartbeat IS NOT NULL AND (t.worker_id = $1) IS TRUE
    FOR UPDATE OF t SKIP LOCKED
), kept AS (
    UPDATE flows.activity_tasks t SET heartbeat = f.heartbeat FROM fresh f WHERE t.ctid = f.place
)
SELECT a.number
FROM asked a
JOIN flows.activity_tasks t
  ON t.shard = ANY (ARRAY[a.shard]) AND t.tenant_id = a.tenant_id AND t.run_id = a.run_id AND t.op = a.op
 AND t.attempt = a.attempt
WHERE (t.worker_id = $1) IS TRUE
  AND coalesce((
      SELECT r.status = 0 FROM flows.runs r
      WHERE r.shard = a.shard AND r.tenant_id = a.tenant_id AND r.run_id = a.run_id LIMIT 1), false)
