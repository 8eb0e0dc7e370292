-- Lowers flags of a worker's runs. $1 worker, $2 limit, $3 number of the request. Answers
-- whose, and how many messages were sent to each.
-- Called by `collect`, which reads the inboxes behind it. Locks the worker's row, against this
-- request being given up; then the rows it changes, skipping those that others hold: their flag
-- stays up. Indexes: workers_pkey, owned_messages.
WITH me AS MATERIALIZED (
    SELECT worker_id FROM flows.workers WHERE worker_id = $1 AND void_up_to < $3 FOR SHARE
)
UPDATE flows.owned SET has_messages = false
WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM flows.owned
    WHERE worker_id = $1 AND has_messages AND EXISTS (SELECT FROM me)
    LIMIT $2::bigint FOR UPDATE SKIP LOCKED))
RETURNING shard, tenant_id, run_id, sent
