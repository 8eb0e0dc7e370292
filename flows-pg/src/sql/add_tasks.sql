-- Attempts of activities for workers of other queues. $1 to $3 keys, $4 operations, $5 attempts, $6 lanes, $7 contents.
-- Called by `commit`, in the transaction of the journal rows that say so: these are the fence.
-- Locks the keys of the new rows. Index: activity_tasks_pkey.
INSERT INTO flows.activity_tasks (shard, tenant_id, run_id, op, attempt, lane, content)
SELECT t.shard, t.tenant_id, t.run_id, t.op, t.attempt, t.lane, t.content
FROM (SELECT unnest($1::smallint[]) AS shard, unnest($2::uuid[]) AS tenant_id, unnest($3::uuid[]) AS run_id,
             unnest($4::bigint[]) AS op, unnest($5::integer[]) AS attempt, unnest($6::bigint[]) AS lane,
             unnest($7::bytea[]) AS content) AS t
