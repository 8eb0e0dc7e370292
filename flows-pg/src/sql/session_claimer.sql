-- Prepares a connection that claims, looks and collects. Sent once, by `session`.
-- A claim need not survive a crash of the database: the run would be ready again.
-- The hot tables are small one moment and large the next, so plans are made once, for the indexes.
SET search_path = pg_catalog, pg_temp; -- names without a schema are PostgreSQL's own
SET ROLE flows_worker;
SET application_name = 'flows claimer';
SET default_transaction_isolation = 'read committed';
SET default_transaction_read_only = off;
SET statement_timeout = 0;
SET idle_session_timeout = 0;
SET idle_in_transaction_session_timeout = '5s';
SET lock_timeout = '5s';
SET synchronous_commit = off;
SET plan_cache_mode = force_generic_plan;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET jit = off;
SELECT set_config('transaction_timeout', '0', false) WHERE current_setting('server_version_num')::int >= 170000;
