-- Reads open runs whose time limit has passed and whom nobody ends for that: stuck ones, and ready ones
-- whose lane no live worker serves. $1 limit.
-- Called by `overdue`. Locks nothing. Indexes: runs_limited; parked_pkey and ready_pkey for each;
-- `workers` is tiny.
SELECT r.shard, r.tenant_id, r.run_id, r.timeout_us, r.parent_run, r.parent_op
FROM flows.runs r
WHERE r.limit_at <= statement_timestamp()
  AND ((SELECT true FROM flows.parked p
        WHERE p.run_id = r.run_id AND p.tenant_id = r.tenant_id AND p.shard = r.shard
          AND p.setbacks <> 0 LIMIT 1)
    OR (SELECT true FROM flows.ready q
        WHERE q.shard = r.shard AND q.lane = r.lane AND q.priority = r.priority
          AND q.run_id = r.run_id AND q.tenant_id = r.tenant_id LIMIT 1)
       AND NOT EXISTS (SELECT FROM flows.workers s
                       WHERE r.lane = ANY (s.lanes) AND s.expires_at >= statement_timestamp()))
ORDER BY r.limit_at
LIMIT $1::bigint
