-- Becomes the role of workers, which sees all tenants, for the rest of a transaction that only reads.
-- Called by `survey`, right behind BEGIN READ ONLY. Locks nothing.
-- The plans are made once and use the indexes, whatever the tables held when they were made.
SELECT set_config('role', 'flows_worker', true),
       set_config('plan_cache_mode', 'force_generic_plan', true),
       set_config('enable_seqscan', 'off', true),
       set_config('enable_bitmapscan', 'off', true),
       set_config('enable_hashjoin', 'off', true),
       set_config('enable_mergejoin', 'off', true),
       set_config('jit', 'off', true)
