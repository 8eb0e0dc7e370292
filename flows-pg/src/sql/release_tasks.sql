-- Makes attempts that a worker has claimed and not ended ready for others. $1 worker, $2 whether it was lost with them.
-- Answers how many, and their lanes.
-- Called by `retire` and `poll`, under the lock of the worker's row. Locks the rows it changes, skipping those that
-- others hold: such a one is being ended. Index: activity_tasks_claimed.
WITH mine AS MATERIALIZED (
    SELECT ctid AS place FROM flows.activity_tasks WHERE worker_id = $1 FOR UPDATE SKIP LOCKED
), released AS (
    UPDATE flows.activity_tasks SET worker_id = NULL, claim = 0, lost = lost OR $2::boolean
    WHERE ctid = ANY (ARRAY(SELECT place FROM mine))
    RETURNING lane
)
SELECT count(*) AS moved, coalesce(array_agg(DISTINCT lane), '{}') AS lanes FROM released
