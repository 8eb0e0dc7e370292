-- Reads a run's journal. $1 to $3 key. Called by `history`. Locks nothing. Index: journal_pkey.
SELECT position, written_at, events FROM flows.journal
WHERE shard = $1 AND tenant_id = $2 AND run_id = $3
ORDER BY position
