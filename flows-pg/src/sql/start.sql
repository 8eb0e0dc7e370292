-- Starts runs: the run's row, and its placement: ready, or parked until its delay ends.
-- Called by `start`, by `rerun` and `fork`, and by `commit` for children and successors.
-- Locks: the keys of the new rows, in the order of the arrays (sorted by the caller).
-- Indexes: runs_pkey, runs_workflow_id.
WITH given AS (
    SELECT g.*, greatest(g.start_at, statement_timestamp() + g.delay_us * interval '1 microsecond') AS due
    FROM (SELECT unnest($1::smallint[]) AS shard, unnest($2::uuid[]) AS tenant_id, unnest($3::uuid[]) AS run_id,
                 unnest($4::text[]) AS workflow_id, unnest($5::text[]) AS workflow,
                 unnest($6::bigint[]) AS version, unnest($7::text[]) AS queue, unnest($8::bigint[]) AS lane,
                 unnest($9::smallint[]) AS priority, unnest($10::integer[]) AS attempt,
                 unnest($11::text[]) AS input, unnest($12::timestamptz[]) AS start_at,
                 unnest($13::bigint[]) AS delay_us, unnest($14::bigint[]) AS timeout_us,
                 unnest($15::text[]) AS options, unnest($16::uuid[]) AS predecessor,
                 unnest($17::uuid[]) AS parent_run, unnest($18::bigint[]) AS parent_op) AS g
), created AS (
    -- Idempotent: a workflow id that is taken, or a run that was started before, is left alone;
    -- the caller sees that by its absence from the answer.
    INSERT INTO flows.runs (shard, tenant_id, run_id, workflow_id, workflow, version, queue, lane,
                            priority, attempt, input, starts_at, timeout_us, options, limit_at,
                            predecessor, parent_run, parent_op, first_run)
    SELECT shard, tenant_id, run_id, workflow_id, workflow, version, queue, lane,
           priority, attempt, input::jsonb, CASE WHEN due > statement_timestamp() THEN due END, timeout_us,
           options::jsonb, greatest(due, statement_timestamp()) + timeout_us * interval '1 microsecond',
           predecessor, parent_run, parent_op,
           CASE WHEN predecessor IS NOT NULL THEN (
               SELECT coalesce(p.first_run, p.run_id) FROM flows.runs p
               WHERE p.shard = given.shard AND p.tenant_id = given.tenant_id
                 AND p.run_id = given.predecessor LIMIT 1)
           END
    FROM given
    ON CONFLICT DO NOTHING
    RETURNING shard, tenant_id, run_id, lane, priority, starts_at
), ready AS (
    INSERT INTO flows.ready (shard, lane, priority, run_id, tenant_id, load)
    SELECT shard, lane, priority, run_id, tenant_id, false
    FROM created WHERE starts_at IS NULL
), parked AS (
    INSERT INTO flows.parked (shard, tenant_id, run_id, lane, priority, wake_at)
    SELECT shard, tenant_id, run_id, lane, priority, starts_at
    FROM created WHERE starts_at IS NOT NULL
)
SELECT run_id FROM created
