-- Renews a lease, unless it is over. $1 worker, $2 lease in microseconds; $3 whether the connection is
-- another than that of the last renewal. Then the server may be one that lacks the last commits, and the
-- worker may own runs that it believes to have let go: it is told of all it owns, as if they had messages.
-- Called by `renew`. Locks the worker's row, and then looks at the clock: a renewal that has waited for
-- others to take over the worker's runs must not go by the time at which it came.
-- Then locks the placements whose flag it raises, skipping those that others hold: they are being written
-- to. Index: workers_pkey; `owned` is read whole, which is rare.
WITH me AS MATERIALIZED (
    SELECT expires_at FROM flows.workers WHERE worker_id = $1 FOR NO KEY UPDATE
), renewed AS (
    UPDATE flows.workers SET expires_at = statement_timestamp() + $2::bigint * interval '1 microsecond',
        renewed_at = statement_timestamp()
    WHERE worker_id = $1 AND (SELECT expires_at >= clock_timestamp() FROM me)
    RETURNING 1
), reminded AS (
    UPDATE flows.owned SET has_messages = true
    WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM flows.owned
        WHERE $3::boolean AND worker_id = $1 AND EXISTS (SELECT FROM renewed)
        FOR UPDATE SKIP LOCKED))
)
SELECT statement_timestamp() AS now, NOT EXISTS (SELECT FROM renewed) AS lapsed
