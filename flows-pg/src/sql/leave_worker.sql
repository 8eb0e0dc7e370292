-- Becomes the role that `enter_worker.sql` found. Locks nothing.
-- Called by `in_transaction`, behind `append_one.sql`.
SELECT set_config('role', current_setting('flows.role'), true)
