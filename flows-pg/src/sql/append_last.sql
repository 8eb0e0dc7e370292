-- Appends a journal row behind the last one of an open run. $1 to $3 key, $4 events.
-- Called by `terminate`. Index: journal_pkey, runs_pkey.
-- Locks the key of the new row: an append of the owner's at this position loses, or has won.
INSERT INTO flows.journal (shard, tenant_id, run_id, position, events)
SELECT $1, $2, $3, coalesce((SELECT max(position) + 1 FROM flows.journal
                             WHERE shard = $1 AND tenant_id = $2 AND run_id = $3), 0), $4
WHERE EXISTS (SELECT FROM flows.runs
              WHERE shard = $1 AND tenant_id = $2 AND run_id = $3 AND status = 0)
-- Idempotent: where somebody was faster, the caller tries the next position.
ON CONFLICT DO NOTHING
RETURNING position
