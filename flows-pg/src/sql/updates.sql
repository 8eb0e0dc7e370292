-- Reads answers to updates, and how their runs are. $1 to $3 runs that they were sent to, $4 ids of the updates.
-- Answers are kept with the first of the runs that go on in each other's place. Called by `updates`. Locks nothing.
-- Indexes: runs_pkey, update_answers_pkey.
SELECT k.update, r.status, r.successor, a.reply, a.error
FROM (SELECT unnest($1::smallint[]) AS shard, unnest($2::uuid[]) AS tenant_id, unnest($3::uuid[]) AS run_id,
             unnest($4::text[]) AS id, generate_series(1::bigint, cardinality($1)) AS update) AS k
JOIN flows.runs r ON r.shard = ANY (ARRAY[k.shard]) AND r.tenant_id = k.tenant_id AND r.run_id = k.run_id
LEFT JOIN LATERAL (
    SELECT u.reply::text AS reply, u.error::text AS error FROM flows.update_answers u
    WHERE u.shard = k.shard AND u.tenant_id = k.tenant_id AND u.run_id = coalesce(r.first_run, r.run_id)
      AND u.update_id = k.id
    LIMIT 1
) AS a ON true
