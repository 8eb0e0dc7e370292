-- Ends an open run from outside. $1 to $3 key, $4 status, $5 output, $6 error, $7 successor.
-- Called by `terminate`, behind `append_last.sql`. Locks the run's row. Index: runs_pkey.
UPDATE flows.runs
SET status = $4, closed_at = statement_timestamp(), output = $5::text::jsonb, error = $6::text::jsonb, successor = $7,
    limit_at = NULL, outcome = CASE WHEN $4::smallint > 1 THEN $4 END,
    ended_late = CASE WHEN statement_timestamp() NOT BETWEEN created_at AND created_at + interval '1 min'
                      THEN statement_timestamp() END
WHERE shard = $1 AND tenant_id = $2 AND run_id = $3 AND status = 0
RETURNING lane, priority
