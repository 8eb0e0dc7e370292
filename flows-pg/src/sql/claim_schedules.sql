-- Claims schedules that are due, the longest due first, for a moment. $1 limit, $2 for so many microseconds.
-- Called by `claim_schedules`. Locks their rows; one that somebody holds is left out. Indexes: schedules_due,
-- runs_workflow_id.
UPDATE flows.schedules s SET due_at = statement_timestamp() + $2::bigint * interval '1 microsecond'
WHERE s.ctid = ANY (ARRAY(
    SELECT d.ctid FROM flows.schedules d
    WHERE d.due_at <= statement_timestamp() ORDER BY d.due_at LIMIT $1
    FOR UPDATE SKIP LOCKED))
RETURNING s.shard, s.tenant_id, s.schedule_id, s.run_id, s.workflow, s.version, s.input::text AS input,
          s.options::text AS options, s.policy::text AS policy, s.progress::text AS progress, s.due_at, s.revision,
          s.last_id, statement_timestamp() AS now,
          (SELECT r.run_id FROM flows.runs r
           WHERE r.shard = ANY (ARRAY[s.last_shard]) AND r.tenant_id = s.tenant_id AND r.workflow_id = s.last_id
             AND r.workflow_id IS NOT NULL AND r.current AND r.status = 0 LIMIT 1) AS open_run
