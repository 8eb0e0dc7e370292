-- Prepares a connection that commits turns. Sent once, by `session`.
-- The statements of `commit` are indexed one row at a time from arrays; planned on a table that was
-- empty, they would stay several times slower. So: one plan for good, and no other way to join.
-- A run that somebody holds in a long transaction must not hold up all others: after the lock
-- timeout, which is as long as a commit of others may take, the batch goes on without it.
SET search_path = pg_catalog, pg_temp; -- names without a schema are PostgreSQL's own
SET ROLE flows_worker;
SET application_name = 'flows writer';
SET default_transaction_isolation = 'read committed';
SET default_transaction_read_only = off;
SET statement_timeout = 0;
SET idle_session_timeout = 0;
SET idle_in_transaction_session_timeout = '5s';
SET lock_timeout = '50ms';
SET plan_cache_mode = force_generic_plan;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET jit = off;
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
SELECT set_config('transaction_timeout', '0', false) WHERE current_setting('server_version_num')::int >= 170000;
