-- Becomes the role of workers until `append_one.sql` has written, inside the transaction of a transactional
-- activity, and makes sure that its commit is durable. Remembers the role before. Locks nothing.
-- Called by `in_transaction`, in front of `append_one.sql`.
SELECT set_config('flows.role', current_setting('role'), true),
       set_config('role', 'flows_worker', true),
       set_config('synchronous_commit',
                  CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'
                       ELSE current_setting('synchronous_commit') END, true)
