-- Renews a lease, unless it is over. $1 worker, $2 lease in microseconds.
-- Called by `renew`. Locks the worker's row. Index: workers_pkey.
WITH renewed AS (
    UPDATE flows.workers SET expires_at = now() + $2::bigint * interval '1 microsecond'
    WHERE worker_id = $1 AND expires_at >= now()
    RETURNING 1
)
SELECT now() AS now, NOT EXISTS (SELECT FROM renewed) AS lapsed
