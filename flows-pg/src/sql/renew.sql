-- Renews a lease that is not over; answers nothing when it is. $1 worker, $2 lease in microseconds.
-- Called by `renew`. Locks the worker's row. Index: workers_pkey.
UPDATE flows.workers SET expires_at = now() + $2::bigint * interval '1 microsecond'
WHERE worker_id = $1 AND expires_at >= now()
RETURNING now() AS now
