-- Finds a worker whose lease is over and keeps it from claiming while its runs are made ready.
-- Called by `look`. Locks the worker's row, skipping those that others hold. `workers` is tiny.
SELECT worker_id FROM flows.workers WHERE expires_at < statement_timestamp()
ORDER BY expires_at LIMIT 1 FOR UPDATE SKIP LOCKED
