-- Begins the journal of a new run as that of another one, notes where it comes from, and has it read by who
-- claims it. $1 to $3 key, $4 lane, $5 priority; $6 shard and $7 id of the other run; $8 how many of its rows are
-- copied; $9 positions and $10 contents of rows that are written instead of them or behind them; $11 how many
-- events it is forked behind.
-- Called by `fork`, behind `start.sql`. Locks the keys of the new rows, then the run's row in `ready`, which
-- this transaction has made. Indexes: journal_pkey, ready_pkey.
WITH written AS MATERIALIZED (
    SELECT unnest($9::integer[]) AS position, unnest($10::bytea[]) AS events
), copied AS (
    INSERT INTO flows.journal (shard, tenant_id, run_id, position, written_at, events)
    SELECT $1::smallint, $2::uuid, $3::uuid, j.position, j.written_at, j.events
    FROM flows.journal j
    WHERE j.run_id = $7 AND j.tenant_id = $2 AND j.shard = $6 AND j.position < $8
      AND (j.position IN (SELECT w.position FROM written w)) IS NOT TRUE
    UNION ALL
    SELECT $1::smallint, $2::uuid, $3::uuid, w.position, statement_timestamp(), w.events FROM written w
), noted AS (
    INSERT INTO flows.forks (shard, tenant_id, run_id, origin, kept)
    VALUES ($1::smallint, $2::uuid, $3::uuid, $7::uuid, $11::bigint)
)
UPDATE flows.ready r SET load = true
WHERE r.shard = $1 AND r.lane = $4 AND r.priority = $5 AND r.run_id = $3 AND r.tenant_id = $2
RETURNING r.run_id
