-- Prepares a connection that commits turns. Sent once, by `session`.
-- The statements of `commit` are indexed one row at a time from arrays; planned on a table that was
-- empty, they would stay several times slower. So: one plan for good, and no other way to join.
SET ROLE flows_worker;
SET application_name = 'flows writer';
SET plan_cache_mode = force_generic_plan;
SET enable_seqscan = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET jit = off;
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
