-- Reads a schedule, and the time. $1 shard, $2 tenant, $3 id.
-- Called by `find_schedule`. Locks nothing. Indexes: schedules_pkey, runs_workflow_id.
SELECT s.shard, s.tenant_id, s.schedule_id, s.run_id, s.workflow, s.version, s.input::text AS input,
       s.options::text AS options, s.policy::text AS policy, s.progress::text AS progress, s.due_at, s.revision,
       s.last_id, statement_timestamp() AS now,
       (SELECT r.run_id FROM flows.runs r
        WHERE r.shard = ANY (ARRAY[s.last_shard]) AND r.tenant_id = s.tenant_id AND r.workflow_id = s.last_id
          AND r.workflow_id IS NOT NULL AND r.current AND r.status = 0 LIMIT 1) AS open_run
FROM (VALUES (true)) AS one (row)
LEFT JOIN LATERAL (
    SELECT * FROM flows.schedules s
    WHERE s.shard = $1 AND s.tenant_id = $2 AND s.schedule_id = $3 LIMIT 1) AS s ON true
