-- Prepares a connection that takes and renews leases. Sent once, by `session`.
-- A lease that a crash of the database forgets is over a little sooner: nothing is lost.
SET search_path = pg_catalog, pg_temp; -- names without a schema are PostgreSQL's own
SET ROLE flows_worker;
SET application_name = 'flows leases';
SET default_transaction_isolation = 'read committed';
SET default_transaction_read_only = off;
SET statement_timeout = 0;
SET idle_session_timeout = 0;
SET idle_in_transaction_session_timeout = '5s';
SET lock_timeout = '5s';
SET synchronous_commit = off;
SET jit = off;
SELECT set_config('transaction_timeout', '0', false) WHERE current_setting('server_version_num')::int >= 170000;
