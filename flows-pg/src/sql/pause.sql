-- Pauses something, or replaces why and by whom. $1 queue, $2 workflow, $3 version; $4 reason, $5 author. Answers
-- whether it was not paused before.
-- Called by `pause`. People call the function by themselves. Locks the row of the pause.
-- Index: pauses_queue_workflow_version_key.
SELECT flows.pause($1, $2, $3, $4, $5) AS is_new
