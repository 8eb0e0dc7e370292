-- Enters a tenant within a transaction of the application's, remembering what was set. $1: the tenant.
-- Called by `transaction`, sent together with the statement it is for. Locks nothing.
-- What is started or sent is durable with the application's commit, also where the default says
-- otherwise.
-- Refuses a transaction that would not see what was committed before each statement.
-- The statement waits 10 s at most for what another transaction holds, or less where the application
-- has set less.
SELECT CASE WHEN current_setting('transaction_isolation') <> 'read committed' THEN flows.refuse() END,
       set_config('flows.outer_role', current_setting('role'), true),
       set_config('flows.outer_tenant', coalesce(current_setting('flows.tenant_id', true), ''), true),
       set_config('flows.outer_lock_timeout', current_setting('lock_timeout'), true),
       set_config('lock_timeout',
                  CASE WHEN current_setting('lock_timeout')::interval BETWEEN '1 ms' AND '10 s'
                       THEN current_setting('lock_timeout') ELSE '10s' END, true),
       set_config('role', 'flows_tenant', true),
       set_config('flows.tenant_id', $1, true),
       set_config('synchronous_commit',
                  CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'
                       ELSE current_setting('synchronous_commit') END, true)
