-- Forgets a worker that owns nothing. $1 worker.
-- Called by `retire` and `poll`, under the lock of the worker's row, which no claim of this
-- worker outlives: a statement that starts now sees all it ever owned.
-- Indexes: workers_pkey, activity_tasks_claimed; reads the small table `owned` whole.
DELETE FROM flows.workers
WHERE worker_id = $1 AND NOT EXISTS (SELECT FROM flows.owned WHERE worker_id = $1)
  AND NOT EXISTS (SELECT FROM flows.activity_tasks WHERE worker_id = $1)
RETURNING worker_id
