-- Gives a worker a lease. $1 worker, $2 name, $3 lanes, $4 lease in microseconds.
-- Called by `register`. Locks the worker's row. Index: workers_pkey.
-- Idempotent: a worker that is known begins a new lease.
INSERT INTO flows.workers (worker_id, name, lanes, expires_at, renewed_at)
VALUES ($1, $2, $3, statement_timestamp() + $4::bigint * interval '1 microsecond', statement_timestamp())
ON CONFLICT (worker_id) DO UPDATE
    SET name = excluded.name, lanes = excluded.lanes, expires_at = excluded.expires_at,
        renewed_at = excluded.renewed_at
RETURNING statement_timestamp() AS now
