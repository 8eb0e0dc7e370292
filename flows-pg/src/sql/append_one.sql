-- Appends the journal row of a transactional activity. $1 to $3 key, $4 position, $5 events, $6 whether the
-- row before it may be missing, $7 when the activity's transaction began.
-- Called by `in_transaction`, inside the activity's own transaction, as whatever role that has (policy `worker_record`).
-- The key is the fence: if somebody else has gone on with the run, the transaction fails, and the activity's
-- writes with it. Locks the new key. Index: journal_pkey.
-- Whatever the search path says, it means what PostgreSQL means: it names the schema of everything.
INSERT INTO flows.journal (shard, tenant_id, run_id, position, events)
VALUES ($1, $2, $3,
        CASE WHEN $6 OR $7 OPERATOR(pg_catalog.<>) pg_catalog.transaction_timestamp()
                  OR pg_catalog.current_setting('synchronous_commit') OPERATOR(pg_catalog.=) 'off'
             THEN flows.checked_position($1, $2, $3, $4, $6, $7) ELSE $4 END, $5)
