-- Dismisses a dead letter, once: it stays, with the reason, and is listed only among those. $1 to $3 key, $4 reason.
-- Called by `dismiss`. Locks its row. Index: dead_letters_pkey.
UPDATE flows.dead_letters SET dismissed_at = statement_timestamp(), reason = $4
WHERE shard = $1 AND tenant_id = $2 AND run_id = $3 AND dismissed_at IS NULL
RETURNING run_id
