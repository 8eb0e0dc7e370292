-- Keeps a worker from claiming while its runs are made ready. $1 worker. `over`: as in
-- `lock_dead_worker.sql`, of a worker whose lease may be over.
-- Called by `retire`. Locks the worker's row. Index: workers_pkey.
SELECT worker_id, expires_at < statement_timestamp() AND renewed_at > pg_postmaster_start_time() AS over
FROM flows.workers WHERE worker_id = $1 FOR UPDATE
