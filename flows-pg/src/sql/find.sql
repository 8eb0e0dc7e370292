-- Finds the newest run of a workflow id. Called by `find`. Locks nothing. Index: runs_workflow_id.
SELECT run_id FROM flows.runs
WHERE shard = $1 AND tenant_id = $2 AND workflow_id = $3 AND workflow_id IS NOT NULL AND current
