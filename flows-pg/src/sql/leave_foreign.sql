-- Leaves the tenant again, and says which it was. Called by `transaction`, sent together with the
-- statement that comes before it. Locks nothing.
-- Whatever the search path says, it means what PostgreSQL means: it names the schema of everything.
SELECT current_user::pg_catalog.text AS role, pg_catalog.current_setting('flows.tenant_id', true) AS tenant,
       pg_catalog.set_config('role', pg_catalog.current_setting('flows.outer_role'), true),
       pg_catalog.set_config('flows.tenant_id', pg_catalog.current_setting('flows.outer_tenant'), true),
       pg_catalog.set_config('lock_timeout', pg_catalog.current_setting('flows.outer_lock_timeout'), true),
       pg_catalog.set_config('client_encoding', pg_catalog.current_setting('flows.outer_client_encoding'), true),
       pg_catalog.set_config('search_path', pg_catalog.current_setting('flows.outer_search_path'), true)
