-- Starts runs as owned by a worker: the run's row, and its placement. $1 to $18 as in `start.sql`,
-- $19 worker, $20 number of the request.
-- Called by `start_owned`. Locks: the worker's row, against being forgotten and against this request
-- being given up (a worker that is not registered, or whose lease is over, starts nothing); then the
-- keys of the new rows, in the order of the arrays (sorted by the caller).
-- Indexes: workers_pkey, runs_pkey, runs_workflow_id, owned_pkey.
WITH me AS MATERIALIZED (
    SELECT worker_id FROM flows.workers
    WHERE worker_id = $19 AND expires_at > statement_timestamp() AND void_up_to < $20
    FOR SHARE
), given AS (
    SELECT g.*
    FROM (SELECT unnest($1::smallint[]) AS shard, unnest($2::uuid[]) AS tenant_id, unnest($3::uuid[]) AS run_id,
                 unnest($4::text[]) AS workflow_id, unnest($5::text[]) AS workflow,
                 unnest($6::bigint[]) AS version, unnest($7::text[]) AS queue, unnest($8::bigint[]) AS lane,
                 unnest($9::smallint[]) AS priority, unnest($10::integer[]) AS attempt,
                 unnest($11::text[]) AS input, unnest($12::timestamptz[]) AS start_at,
                 unnest($13::bigint[]) AS delay_us, unnest($14::bigint[]) AS timeout_us,
                 unnest($15::text[]) AS options, unnest($16::uuid[]) AS predecessor,
                 unnest($17::uuid[]) AS parent_run, unnest($18::bigint[]) AS parent_op) AS g
    WHERE EXISTS (SELECT FROM me) AND g.start_at IS NULL AND g.delay_us IS NULL
), created AS (
    -- Idempotent: a workflow id that is taken is left alone, which the caller sees by its absence from the
    -- answer. A run that was started before aborts the statement: who looks for it first pays for it at each
    -- start, and it comes back only where an answer was lost. The caller then starts all as `start.sql` does.
    INSERT INTO flows.runs (shard, tenant_id, run_id, workflow_id, workflow, version, queue, lane,
                            priority, attempt, input, timeout_us, options, limit_at, predecessor,
                            parent_run, parent_op)
    SELECT shard, tenant_id, run_id, workflow_id, workflow, version, queue, lane,
           priority, attempt, input::jsonb, timeout_us, options::jsonb,
           statement_timestamp() + timeout_us * interval '1 microsecond', predecessor, parent_run, parent_op
    FROM given
    ON CONFLICT (shard, tenant_id, workflow_id) WHERE current AND workflow_id IS NOT NULL DO NOTHING
    RETURNING shard, tenant_id, run_id, lane, priority, created_at
), owned AS (
    INSERT INTO flows.owned (shard, tenant_id, run_id, worker_id, claim, lane, priority)
    SELECT shard, tenant_id, run_id, $19, $20, lane, priority FROM created
)
SELECT run_id, created_at FROM created
