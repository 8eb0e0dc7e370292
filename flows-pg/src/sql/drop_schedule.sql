-- Deletes a schedule that is as it was when it was read. $1 to $3 key, $4 and $5: its run and its revision then.
-- Called by `change_schedule`. Locks its row. Index: schedules_pkey.
DELETE FROM flows.schedules
WHERE shard = $1 AND tenant_id = $2 AND schedule_id = $3 AND run_id = $4 AND revision = $5
RETURNING schedule_id
