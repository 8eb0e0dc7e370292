-- Creates a schedule. Called by `change_schedule`. Locks its key. Index: schedules_pkey.
-- Idempotent: one that exists is left alone; the caller sees that by the missing answer, and reads it.
INSERT INTO flows.schedules (shard, tenant_id, schedule_id, run_id, workflow, version, input, options, policy,
                             progress, due_at, revision, last_shard, last_id)
VALUES ($1, $2, $3, $4, $5, $6, $7::text::jsonb, $8::text::jsonb, $9::text::jsonb, $10::text::jsonb, $11, $12, $13, $14)
ON CONFLICT DO NOTHING
RETURNING schedule_id
