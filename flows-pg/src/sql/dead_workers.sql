-- Finds workers whose lease is over. It stays over: such a lease is never renewed.
-- Called by `poll`, in front of taking over their runs. Locks nothing. `workers` is tiny.
SELECT worker_id FROM flows.workers WHERE expires_at < statement_timestamp()
