-- Enters a tenant for the rest of the transaction. $1: the tenant, $2: how long to wait for a lock.
-- Called by every verb of a client, right behind BEGIN. Locks nothing.
-- What is acknowledged is durable, also where the server's default says otherwise. The plans are
-- made once and use the indexes and their order, whatever the tables held when they were made.
SELECT set_config('role', 'flows_tenant', true),
       set_config('flows.tenant_id', $1, true),
       set_config('lock_timeout', $2, true),
       set_config('synchronous_commit',
                  CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'
                       ELSE current_setting('synchronous_commit') END, true),
       set_config('plan_cache_mode', 'force_generic_plan', true),
       set_config('enable_seqscan', 'off', true),
       set_config('enable_bitmapscan', 'off', true),
       set_config('enable_sort', 'off', true),
       set_config('enable_hashjoin', 'off', true),
       set_config('enable_mergejoin', 'off', true),
       set_config('jit', 'off', true)
