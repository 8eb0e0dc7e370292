-- Becomes the role of workers, which sees all tenants, for the rest of a transaction.
-- Called by `scan`, right behind BEGIN READ ONLY, and by what operators do. Locks nothing. What they are told is
-- durable, also where the server's default says otherwise.
-- The plans are made once and use the indexes, whatever the tables held when they were made.
-- Whatever the search path says, it means what PostgreSQL means: it names the schema of everything.
-- From here on, names without a schema are PostgreSQL's own.
SELECT pg_catalog.set_config('role', 'flows_worker', true),
       pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true),
       pg_catalog.set_config('synchronous_commit',
           CASE WHEN pg_catalog.current_setting('synchronous_commit') OPERATOR(pg_catalog.=) 'off' THEN 'on'
                ELSE pg_catalog.current_setting('synchronous_commit') END, true),
       pg_catalog.set_config('plan_cache_mode', 'force_generic_plan', true),
       pg_catalog.set_config('enable_seqscan', 'off', true),
       pg_catalog.set_config('enable_bitmapscan', 'off', true),
       pg_catalog.set_config('enable_hashjoin', 'off', true),
       pg_catalog.set_config('enable_mergejoin', 'off', true),
       pg_catalog.set_config('jit', 'off', true)
