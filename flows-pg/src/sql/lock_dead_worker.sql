-- Finds a worker whose lease is over and keeps it from claiming while its runs are made ready. Nothing
-- is held against them (`over`) if the server was away meanwhile: then that is why.
-- Called by `poll`. Locks the worker's row, skipping those that others hold. `workers` is tiny.
SELECT worker_id, renewed_at > pg_postmaster_start_time() AS over
FROM flows.workers WHERE expires_at < statement_timestamp()
ORDER BY expires_at LIMIT 1 FOR UPDATE SKIP LOCKED
