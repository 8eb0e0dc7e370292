-- Appends journal rows, consumes letters and closes runs. $1 worker; $2 to $6 journal rows;
-- $7 to $10 letters; $11 to $19 ends of runs.
-- Called by `commit`. Written in the hope that this worker owns what it closes: a duplicate key or
-- a run that is not owned (any more, by this claim) aborts the batch.
-- Locks, in this order, each in the order of the arrays (sorted by the caller): new journal keys,
-- the runs' rows, their places. The conditions of the last SELECT are evaluated in that order.
-- Indexes: journal_pkey, runs_pkey, owned_pkey, inbox_pkey.
WITH journal AS (
    INSERT INTO flows.journal (shard, tenant_id, run_id, position, events)
    SELECT * FROM unnest($2::smallint[], $3::uuid[], $4::uuid[], $5::integer[], $6::bytea[])
    RETURNING 1
), consumed AS (
    DELETE FROM flows.inbox i
    USING unnest($7::smallint[], $8::uuid[], $9::uuid[], $10::bigint[]) AS c (shard, tenant_id, run_id, seq)
    WHERE i.shard = ANY (ARRAY[c.shard]) AND i.tenant_id = c.tenant_id AND i.run_id = c.run_id AND i.seq = c.seq
), closed AS (
    UPDATE flows.runs r
    SET status = c.status, closed_at = statement_timestamp(), output = c.output::jsonb, error = c.error::jsonb,
        successor = c.successor, current = r.current AND c.successor IS NULL, limit_at = NULL
    FROM unnest($11::smallint[], $12::uuid[], $13::uuid[], $14::smallint[], $15::text[], $16::text[],
                $17::uuid[]) AS c (shard, tenant_id, run_id, status, output, error, successor)
    WHERE r.shard = ANY (ARRAY[c.shard]) AND r.tenant_id = c.tenant_id AND r.run_id = c.run_id AND r.status = 0
    RETURNING 1
), released AS (
    DELETE FROM flows.owned o
    USING unnest($11::smallint[], $12::uuid[], $13::uuid[], $19::bigint[])
        AS c (shard, tenant_id, run_id, claim)
    WHERE o.shard = ANY (ARRAY[c.shard]) AND o.tenant_id = c.tenant_id AND o.run_id = c.run_id
      AND o.worker_id = $1 AND o.claim = coalesce(c.claim, o.claim)
    RETURNING 1
), emptied AS (
    DELETE FROM flows.inbox i
    USING unnest($11::smallint[], $12::uuid[], $13::uuid[], $17::uuid[])
        AS c (shard, tenant_id, run_id, successor)
    WHERE i.shard = ANY (ARRAY[c.shard]) AND i.tenant_id = c.tenant_id AND i.run_id = c.run_id
      AND c.successor IS NULL
), dead AS (
    INSERT INTO flows.dead_letters (shard, tenant_id, run_id)
    SELECT c.shard, c.tenant_id, c.run_id
    FROM unnest($11::smallint[], $12::uuid[], $13::uuid[], $18::boolean[]) AS c (shard, tenant_id, run_id, dead)
    WHERE c.dead
)
SELECT CASE WHEN (SELECT count(*) FROM journal) < 0
              OR (SELECT count(*) FROM closed) < cardinality($11)
              OR (SELECT count(*) FROM released) < cardinality($11)
            THEN flows.contended() ELSE true END
