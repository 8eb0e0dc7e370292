-- Prepares a connection of a worker, before what sets its kind apart. Sent once, by `session`.
SET search_path = pg_catalog, pg_temp; -- names without a schema are PostgreSQL's own
SET ROLE flows_worker;
SET default_transaction_isolation = 'read committed';
SET default_transaction_read_only = off;
SET statement_timeout = 0;
SET idle_session_timeout = 0;
SET idle_in_transaction_session_timeout = '5s';
SET jit = off;
SELECT set_config('transaction_timeout', '0', false) WHERE current_setting('server_version_num')::int >= 170000;
