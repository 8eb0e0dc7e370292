-- Appends journal rows of runs that stay with their worker: the step of a resident run.
-- Called by `commit`. The key is the fence: a duplicate aborts the batch.
-- Locks: the keys of the new rows, in the order of the arrays (sorted by the caller).
-- Index: journal_pkey.
INSERT INTO flows.journal (shard, tenant_id, run_id, position, events)
SELECT unnest($1::smallint[]), unnest($2::uuid[]), unnest($3::uuid[]), unnest($4::integer[]),
       unnest($5::bytea[])
