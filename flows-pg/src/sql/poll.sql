-- One look for work. $1 worker, $2 lanes (ascending), $3 all shards, $4 lanes of activities. An idle worker sends nothing else.
-- Called by `poll`. Locks nothing. Indexes: ready_pkey, owned_messages, parked_due, parked_suspects,
-- runs_limited, activity_tasks_queued, schedules_due; `workers` is tiny, and `pauses` is empty, or nearly so.
-- In each shard it walks from lane to lane: a row of a foreign lane leads to the next lane of the worker's.
-- So it reads one row for each lane that has any, and not more than one for each lane of the worker's: those
-- between which others have runs. It cannot be less. Between runs of others only a look tells whether a lane
-- has one, an index of lanes would be paid for by every run that becomes ready, and a look that left lanes for
-- the next would find runs late whose hint was lost.
SELECT ARRAY(
           SELECT s.shard FROM unnest($3::smallint[]) AS s (shard)
           WHERE (
               WITH RECURSIVE walk (is_mine, beyond) AS (
                   (SELECT r.lane = ($2::bigint[])[width_bucket(r.lane, $2::bigint[])],
                           ($2::bigint[])[width_bucket(r.lane, $2::bigint[]) + 1]
                    FROM flows.ready r WHERE r.shard = s.shard AND r.lane >= ($2::bigint[])[1]
                    ORDER BY r.lane LIMIT 1)
                   UNION ALL
                   SELECT r.lane = ($2::bigint[])[width_bucket(r.lane, $2::bigint[])],
                          ($2::bigint[])[width_bucket(r.lane, $2::bigint[]) + 1]
                   FROM walk w
                   CROSS JOIN LATERAL (
                       SELECT r.lane FROM flows.ready r
                       WHERE r.shard = s.shard AND r.lane >= w.beyond
                       ORDER BY r.lane LIMIT 1
                   ) AS r
               )
               SELECT true FROM walk WHERE is_mine LIMIT 1)
       ) AS ready,
       EXISTS (SELECT FROM flows.owned WHERE worker_id = $1 AND has_messages) AS messages,
       (SELECT min(first.wake_at)
        FROM unnest($3::smallint[]) AS s (shard)
        CROSS JOIN LATERAL (
            SELECT p.wake_at FROM flows.parked p
            WHERE p.shard = s.shard AND p.wake_at IS NOT NULL AND p.setbacks = 0
            ORDER BY p.wake_at LIMIT 1
        ) AS first) AS next_due,
       EXISTS (SELECT FROM flows.workers WHERE expires_at < statement_timestamp()) AS orphans,
       EXISTS (SELECT FROM flows.parked WHERE setbacks < 0 AND wake_at <= statement_timestamp()) AS suspects,
       EXISTS (SELECT FROM flows.runs WHERE limit_at <= statement_timestamp()) AS overdue,
       (SELECT true FROM (SELECT unnest($4::bigint[]) AS lane) AS l
        WHERE (SELECT true FROM flows.activity_tasks t WHERE t.worker_id IS NULL AND t.lane = ANY (ARRAY[l.lane]) LIMIT 1)
        LIMIT 1) IS TRUE AS tasks,
       (SELECT coalesce(bit_xor(p.pause_id), 0) FROM flows.pauses p) AS pauses,
       (SELECT s.due_at FROM flows.schedules s WHERE s.due_at > '-infinity' ORDER BY s.due_at LIMIT 1) AS schedule_due,
       statement_timestamp() AS now
