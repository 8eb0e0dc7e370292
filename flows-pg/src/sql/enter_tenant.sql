-- Enters a tenant for the rest of the transaction. $1: the tenant, $2: how long to wait for a lock.
-- Called by every verb of a client, right behind BEGIN. Locks nothing.
-- What is acknowledged is durable, also where the server's default says otherwise. The plans are
-- made once and use the indexes and their order, whatever the tables held when they were made.
-- Texts are sent as UTF-8, whatever the session was set to. A server lets the client think about its next
-- statement for longer than a hasty default, and not for ever.
-- Whatever the search path says, it means what PostgreSQL means: it names the schema of everything.
-- From here on, names without a schema are PostgreSQL's own.
SELECT pg_catalog.set_config('role', 'flows_tenant', true),
       pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true),
       pg_catalog.set_config('flows.tenant_id', $1, true),
       pg_catalog.set_config('lock_timeout', $2, true),
       pg_catalog.set_config('client_encoding', 'UTF8', true),
       pg_catalog.set_config('idle_in_transaction_session_timeout', '10s', true),
       pg_catalog.set_config('synchronous_commit',
           CASE WHEN pg_catalog.current_setting('synchronous_commit') OPERATOR(pg_catalog.=) 'off' THEN 'on'
                ELSE pg_catalog.current_setting('synchronous_commit') END, true),
       pg_catalog.set_config('plan_cache_mode', 'force_generic_plan', true),
       pg_catalog.set_config('enable_seqscan', 'off', true),
       pg_catalog.set_config('enable_bitmapscan', 'off', true),
       pg_catalog.set_config('enable_sort', 'off', true),
       pg_catalog.set_config('enable_hashjoin', 'off', true),
       pg_catalog.set_config('enable_mergejoin', 'off', true),
       pg_catalog.set_config('jit', 'off', true)
