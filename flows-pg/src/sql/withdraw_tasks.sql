-- Takes attempts back, also those that a worker runs. $1 to $3 keys, $4 operations. Answers the workers that run them.
-- Called by `commit`: the workflow does not wait for these activities any more.
-- Locks the rows it deletes, skipping those that others hold: such a one is being claimed or ended. (Its end may hold it
-- while it waits for the run.) Index: activity_tasks_pkey.
DELETE FROM flows.activity_tasks WHERE ctid = ANY (ARRAY(
    SELECT t.ctid
    FROM (SELECT unnest($1::smallint[]) AS shard, unnest($2::uuid[]) AS tenant_id, unnest($3::uuid[]) AS run_id,
                 unnest($4::bigint[]) AS op) AS w
    JOIN flows.activity_tasks t
      ON t.shard = ANY (ARRAY[w.shard]) AND t.tenant_id = w.tenant_id AND t.run_id = w.run_id AND t.op = w.op
    FOR UPDATE OF t SKIP LOCKED))
RETURNING worker_id
