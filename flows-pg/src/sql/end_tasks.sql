-- Ends attempts that a worker has claimed, or that no worker has, and answers which of them were so: those of a worker
-- whose lease is over are not its own, or not any more. $1 worker, $2 to $4 keys, $5 operations, $6 attempts, $7 whether
-- it is one that waits for a worker.
-- Called by `end_tasks`, in front of the messages about them. Locks the rows it deletes, before the placements of their
-- runs: whoever has locked a placement skips rows that are held. Index: activity_tasks_pkey.
DELETE FROM flows.activity_tasks t
USING (SELECT unnest($2::smallint[]) AS shard, unnest($3::uuid[]) AS tenant_id, unnest($4::uuid[]) AS run_id,
              unnest($5::bigint[]) AS op, unnest($6::integer[]) AS attempt,
              unnest($7::boolean[]) AS queued,
              generate_series(1::bigint, cardinality($2)) AS number) AS e
WHERE t.shard = ANY (ARRAY[e.shard]) AND t.tenant_id = e.tenant_id AND t.run_id = e.run_id AND t.op = e.op
  AND t.attempt = e.attempt AND (t.worker_id = $1 OR t.worker_id IS NULL) IS TRUE
  AND (t.worker_id IS NULL) = e.queued
RETURNING e.number
