-- One look for work. $1 worker, $2 lanes, $3 number of shards. An idle worker sends nothing else.
-- Called by `look`. Locks nothing. Indexes: ready_pkey, owned_mail, parked_due; `workers` is tiny.
SELECT ARRAY(
           SELECT s::smallint FROM generate_series(0, $3::integer - 1) AS s
           WHERE (SELECT true FROM unnest($2::bigint[]) AS l (lane)
                  CROSS JOIN LATERAL (
                      SELECT FROM flows.ready r WHERE r.shard = s::smallint AND r.lane = l.lane LIMIT 1
                  ) AS first
                  LIMIT 1)
       ) AS ready,
       EXISTS (SELECT FROM flows.owned WHERE worker_id = $1 AND mail) AS mail,
       (SELECT min(first.wake_at)
        FROM generate_series(0, $3::integer - 1) AS s
        CROSS JOIN LATERAL (
            SELECT p.wake_at FROM flows.parked p
            WHERE p.shard = s::smallint AND p.wake_at IS NOT NULL AND p.stuck IS NULL
            ORDER BY p.wake_at LIMIT 1
        ) AS first) AS next_due,
       EXISTS (SELECT FROM flows.workers WHERE expires_at < now()) AS orphans,
       now() AS now
