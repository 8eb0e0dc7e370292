-- Enters a tenant within a transaction of the application's, remembering what was set. $1: the tenant.
-- Called by `transaction`, sent together with the statement it is for. Locks nothing.
SELECT set_config('flows.outer_role', current_setting('role'), true),
       set_config('flows.outer_tenant', coalesce(current_setting('flows.tenant_id', true), ''), true),
       set_config('role', 'flows_tenant', true),
       set_config('flows.tenant_id', $1, true)
