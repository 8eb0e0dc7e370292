-- Lowers mail flags of a worker's runs. $1 worker, $2 limit. Answers whose, and how many letters were sent to each.
-- Called by `collect`, which reads the inboxes behind it. Locks the rows it changes, skipping those
-- that others hold: their flag stays up. Index: owned_mail.
UPDATE flows.owned SET mail = false
WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM flows.owned WHERE worker_id = $1 AND mail LIMIT $2::bigint FOR UPDATE SKIP LOCKED))
RETURNING shard, tenant_id, run_id, sent
