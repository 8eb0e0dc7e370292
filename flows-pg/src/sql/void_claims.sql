-- Refuses claims of a worker up to a number, and waits for those that are under way. $1 worker,
-- $2 number. Called by `claim` and `look` before `unclaim.sql`. Locks the worker's row.
-- Index: workers_pkey.
UPDATE flows.workers SET void_claim = greatest(void_claim, $2) WHERE worker_id = $1
