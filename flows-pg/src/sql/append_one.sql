-- Appends the journal row of a transactional activity. $1 to $3 key, $4 position, $5 events.
-- Called by `in_transaction`, inside the activity's own transaction. The key is the fence: if
-- somebody else has gone on with the run, the transaction fails, and the activity's writes with it. So
-- it does if the row before this one is missing: the server has lost it.
-- Becomes the role again that `enter_worker.sql` found, with its search path: the row's policies have been
-- checked by then.
-- Locks the new key. Index: journal_pkey.
INSERT INTO flows.journal (shard, tenant_id, run_id, position, events)
SELECT $1, $2, $3, $4, $5
WHERE CASE WHEN $4 = 0 OR (SELECT true FROM flows.journal j
                           WHERE j.shard = $1 AND j.tenant_id = $2 AND j.run_id = $3
                             AND j.position = $4 - 1 LIMIT 1)
           THEN true ELSE flows.contended() END
RETURNING set_config('role', current_setting('flows.role'), true),
          set_config('search_path', current_setting('flows.search_path'), true)
