-- Renews a lease, unless it is over. $1 worker, $2 lease in microseconds.
-- Called by `renew`. Locks the worker's row, and then looks at the clock: a renewal that has waited for
-- others to take over the worker's runs must not go by the time at which it came.
-- Index: workers_pkey.
WITH me AS MATERIALIZED (
    SELECT expires_at FROM flows.workers WHERE worker_id = $1 FOR NO KEY UPDATE
), renewed AS (
    UPDATE flows.workers SET expires_at = statement_timestamp() + $2::bigint * interval '1 microsecond',
        renewed_at = statement_timestamp()
    WHERE worker_id = $1 AND (SELECT expires_at >= clock_timestamp() FROM me)
    RETURNING 1
)
SELECT statement_timestamp() AS now, NOT EXISTS (SELECT FROM renewed) AS lapsed
