-- Claims schedules that are due, the longest due first, for a moment. $1 limit, $2 for so many microseconds.
-- Called by `claim_schedules`. Locks their rows; one that somebody holds is left out. Indexes: schedules_due,
-- schedules_pkey, runs_workflow_id.
WITH due AS MATERIALIZED (
    SELECT shard, tenant_id, schedule_id FROM flows.schedules
    WHERE due_at <= statement_timestamp() ORDER BY due_at LIMIT $1
    FOR UPDATE SKIP LOCKED
)
UPDATE flows.schedules s SET due_at = statement_timestamp() + $2::bigint * interval '1 microsecond'
FROM due
WHERE s.shard = ANY (ARRAY[due.shard]) AND s.tenant_id = due.tenant_id AND s.schedule_id = due.schedule_id
RETURNING s.shard, s.tenant_id, s.schedule_id, s.run_id, s.workflow, s.version, s.input::text AS input,
          s.options::text AS options, s.policy::text AS policy, s.progress::text AS progress, s.due_at, s.revision,
          s.last_id, statement_timestamp() AS now,
          (SELECT r.run_id FROM flows.runs r
           WHERE r.shard = ANY (ARRAY[s.last_shard]) AND r.tenant_id = s.tenant_id AND r.workflow_id = s.last_id
             AND r.workflow_id IS NOT NULL AND r.current AND r.status = 0 LIMIT 1) AS open_run
