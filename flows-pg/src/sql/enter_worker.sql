-- Becomes the role of workers until `append_one.sql` has written, inside the transaction of a transactional
-- activity, and makes sure that its commit is durable. Remembers the role before. Locks nothing.
-- Called by `in_transaction`, in front of `append_one.sql`.
-- Whatever the search path says, it means what PostgreSQL means: it names the schema of everything.
-- Until then, names without a schema are PostgreSQL's own.
SELECT pg_catalog.set_config('flows.role', pg_catalog.current_setting('role'), true),
       pg_catalog.set_config('flows.search_path', pg_catalog.current_setting('search_path'), true),
       pg_catalog.set_config('role', 'flows_worker', true),
       pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true),
       pg_catalog.set_config('synchronous_commit',
           CASE WHEN pg_catalog.current_setting('synchronous_commit') OPERATOR(pg_catalog.=) 'off' THEN 'on'
                ELSE pg_catalog.current_setting('synchronous_commit') END, true)
