-- Keeps a worker from claiming while its runs are made ready. $1 worker.
-- Called by `retire`. Locks the worker's row. Index: workers_pkey.
SELECT worker_id FROM flows.workers WHERE worker_id = $1 FOR UPDATE
