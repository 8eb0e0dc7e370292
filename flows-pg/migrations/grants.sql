-- After all migrations, and again where they are missing: who may use what. A restore may have left this out
-- (`pg_restore --no-privileges`). Which rows they see is the policies' business.
GRANT USAGE ON SCHEMA flows TO PUBLIC, flows_tenant, flows_worker;
GRANT SELECT ON flows.schema_version TO PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE
    ON flows.runs, flows.journal, flows.dead_letters, flows.forks, flows.inbox_keys, flows.query_values, flows.attributes,
       flows.streams, flows.stream_items, flows.update_answers, flows.schedules, flows.ready, flows.owned, flows.parked,
       flows.inbox, flows.activity_tasks, flows.workers, flows.pauses
    TO flows_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON flows.dead_letters, flows.schedules, flows.ready, flows.owned, flows.parked
    TO flows_tenant;
GRANT SELECT, INSERT, UPDATE ON flows.runs, flows.attributes TO flows_tenant;
GRANT SELECT, INSERT, DELETE ON flows.inbox TO flows_tenant;
GRANT SELECT, INSERT ON flows.journal, flows.inbox_keys, flows.forks TO flows_tenant;
GRANT SELECT
    ON flows.workers, flows.pauses, flows.query_values, flows.streams, flows.stream_items, flows.update_answers, flows.activity_tasks
    TO flows_tenant;
-- Transactional activities add their records as whatever role they have; the policy `worker_record` says which.
GRANT INSERT ON flows.journal TO PUBLIC;
GRANT SELECT ON flows.stuck_runs, flows.run_attributes TO flows_tenant, flows_worker;
