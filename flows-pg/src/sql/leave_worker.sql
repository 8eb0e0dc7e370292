-- Becomes the role that `enter_worker.sql` found. $1 its name. Locks nothing.
-- Called by `in_transaction`, behind `append_one.sql`.
SELECT set_config('role', $1, true)
