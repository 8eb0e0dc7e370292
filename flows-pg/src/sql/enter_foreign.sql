-- Enters a tenant within a transaction of the application's, remembering what was set. $1: the tenant.
-- Called by `transaction`, sent together with the statement it is for. Locks nothing.
-- What is started or sent is durable with the application's commit, also where the default says
-- otherwise.
-- Refuses a transaction that would not see what was committed before each statement.
-- The statement waits 10 s at most for what another transaction holds, or less where the application
-- has set less.
-- Texts are sent as UTF-8, whatever the application has set for its own.
-- Whatever the search path says, it means what PostgreSQL means: it names the schema of everything.
-- From here on, names without a schema are PostgreSQL's own.
SELECT CASE WHEN pg_catalog.current_setting('transaction_isolation') OPERATOR(pg_catalog.<>) 'read committed'
            THEN flows.refuse() END,
       pg_catalog.set_config('flows.outer_role', pg_catalog.current_setting('role'), true),
       pg_catalog.set_config('flows.outer_tenant', coalesce(pg_catalog.current_setting('flows.tenant_id', true), ''), true),
       pg_catalog.set_config('flows.outer_lock_timeout', pg_catalog.current_setting('lock_timeout'), true),
       pg_catalog.set_config('lock_timeout',
           CASE WHEN pg_catalog.current_setting('lock_timeout')::pg_catalog.interval OPERATOR(pg_catalog.>=) '1 ms'
                 AND pg_catalog.current_setting('lock_timeout')::pg_catalog.interval OPERATOR(pg_catalog.<=) '10 s'
                THEN pg_catalog.current_setting('lock_timeout') ELSE '10s' END, true),
       pg_catalog.set_config('flows.outer_client_encoding', pg_catalog.current_setting('client_encoding'), true),
       pg_catalog.set_config('client_encoding', 'UTF8', true),
       pg_catalog.set_config('flows.outer_search_path', pg_catalog.current_setting('search_path'), true),
       pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true),
       pg_catalog.set_config('role', 'flows_tenant', true),
       pg_catalog.set_config('flows.tenant_id', $1, true),
       pg_catalog.set_config('synchronous_commit',
           CASE WHEN pg_catalog.current_setting('synchronous_commit') OPERATOR(pg_catalog.=) 'off' THEN 'on'
                ELSE pg_catalog.current_setting('synchronous_commit') END, true)
