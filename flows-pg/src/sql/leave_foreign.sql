-- Leaves the tenant again, and says which it was. Called by `transaction`, sent together with the
-- statement that comes before it. Locks nothing.
SELECT current_user::text AS role, current_setting('flows.tenant_id', true) AS tenant,
       set_config('role', current_setting('flows.outer_role'), true),
       set_config('flows.tenant_id', current_setting('flows.outer_tenant'), true),
       set_config('lock_timeout', current_setting('flows.outer_lock_timeout'), true)
