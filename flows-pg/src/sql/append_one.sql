-- Appends the journal row of a transactional activity. $1 to $3 key, $4 position, $5 events.
-- Called by `in_transaction`, inside the activity's own transaction. The key is the fence: if
-- somebody else has gone on with the run, the transaction fails, and the activity's writes with it.
-- Becomes the role again that `enter_worker.sql` found: the row's policies have been checked by then.
-- Locks the new key. Index: journal_pkey.
INSERT INTO flows.journal (shard, tenant_id, run_id, position, events)
VALUES ($1, $2, $3, $4, $5)
RETURNING set_config('role', current_setting('flows.role'), true)
