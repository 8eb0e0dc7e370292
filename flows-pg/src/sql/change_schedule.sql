-- Changes a schedule that is as it was when it was read. $15 and $16: its run and its revision then.
-- Called by `change_schedule`. Locks its row. Index: schedules_pkey.
UPDATE flows.schedules
SET run_id = $4, workflow = $5, version = $6, input = $7::text::jsonb, options = $8::text::jsonb,
    policy = $9::text::jsonb, progress = $10::text::jsonb, due_at = $11, revision = $12, last_shard = $13, last_id = $14
WHERE shard = $1 AND tenant_id = $2 AND schedule_id = $3 AND run_id = $15 AND revision = $16
RETURNING schedule_id
