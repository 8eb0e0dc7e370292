-- Refuses requests of a worker up to a number, and waits for those that are under way. $1 worker,
-- $2 number. Called by `unfinished`, in front of what makes them good. Locks the worker's row.
-- Index: workers_pkey.
UPDATE flows.workers SET void_up_to = greatest(void_up_to, $2) WHERE worker_id = $1
