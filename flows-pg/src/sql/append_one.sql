-- Appends the journal row of a transactional activity. $1 to $3 key, $4 position, $5 events, $6 whether the
-- row before it may be missing, $7 when the activity's transaction began.
-- Called by `in_transaction`, inside the activity's own transaction, as whatever role that has: the function
-- becomes the role of workers, and its caller's again. Locks the new key. Index: journal_pkey.
SELECT flows.append_one($1, $2, $3, $4, $5, $6, $7)
