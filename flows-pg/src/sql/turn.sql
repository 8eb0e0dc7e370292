-- Appends journal rows, consumes messages and closes runs. $1 worker; $2 to $6 journal rows;
-- $7 to $10 messages; $11 to $19 ends of runs.
-- Called by `commit`. Written in the hope that this worker owns what it closes: a duplicate key or
-- a run that is not owned (any more, by this claim) aborts the batch.
-- Locks, in this order, each in the order of the arrays (sorted by the caller): new journal keys,
-- the runs' rows, their placements. The conditions of the last SELECT are evaluated in that order.
-- Indexes: journal_pkey, runs_pkey, owned_pkey, inbox_pkey.
WITH journal AS (
    INSERT INTO flows.journal (shard, tenant_id, run_id, position, events)
    SELECT unnest($2::smallint[]), unnest($3::uuid[]), unnest($4::uuid[]), unnest($5::integer[]),
           unnest($6::bytea[])
    RETURNING 1
), consumed AS (
    DELETE FROM flows.inbox i
    USING (SELECT unnest($7::smallint[]) AS shard, unnest($8::uuid[]) AS tenant_id, unnest($9::uuid[]) AS run_id,
                  unnest($10::bigint[]) AS seq) AS c
    WHERE i.shard = ANY (ARRAY[c.shard]) AND i.tenant_id = c.tenant_id AND i.run_id = c.run_id AND i.seq = c.seq
), closed AS (
    UPDATE flows.runs r
    SET status = c.status, closed_at = statement_timestamp(), output = c.output::jsonb, error = c.error::jsonb,
        successor = c.successor, current = r.current AND c.successor IS NULL, limit_at = NULL,
        outcome = CASE WHEN c.status > 1 THEN c.status END,
        ended_late = CASE WHEN statement_timestamp() NOT BETWEEN r.created_at AND r.created_at + interval '1 min'
                          THEN statement_timestamp() END
    FROM (SELECT unnest($11::smallint[]) AS shard, unnest($12::uuid[]) AS tenant_id, unnest($13::uuid[]) AS run_id,
                 unnest($14::smallint[]) AS status, unnest($15::text[]) AS output, unnest($16::text[]) AS error,
                 unnest($17::uuid[]) AS successor) AS c
    WHERE r.shard = ANY (ARRAY[c.shard]) AND r.tenant_id = c.tenant_id AND r.run_id = c.run_id AND r.status = 0
    RETURNING 1
), released AS (
    DELETE FROM flows.owned o
    USING (SELECT unnest($11::smallint[]) AS shard, unnest($12::uuid[]) AS tenant_id, unnest($13::uuid[]) AS run_id,
                  unnest($19::bigint[]) AS claim) AS c
    WHERE o.shard = ANY (ARRAY[c.shard]) AND o.tenant_id = c.tenant_id AND o.run_id = c.run_id
      AND o.worker_id = $1 AND o.claim = coalesce(c.claim, o.claim)
    RETURNING 1
), emptied AS (
    -- Signals (kind 0) that came too late stay with their run, and are counted.
    DELETE FROM flows.inbox i
    USING (SELECT unnest($11::smallint[]) AS shard, unnest($12::uuid[]) AS tenant_id, unnest($13::uuid[]) AS run_id,
                  unnest($17::uuid[]) AS successor) AS c
    WHERE i.shard = ANY (ARRAY[c.shard]) AND i.tenant_id = c.tenant_id AND i.run_id = c.run_id
      AND c.successor IS NULL AND i.kind <> 0
), dead AS (
    INSERT INTO flows.dead_letters (shard, tenant_id, run_id)
    SELECT c.shard, c.tenant_id, c.run_id
    FROM (SELECT unnest($11::smallint[]) AS shard, unnest($12::uuid[]) AS tenant_id, unnest($13::uuid[]) AS run_id,
                 unnest($18::boolean[]) AS dead) AS c
    WHERE c.dead
)
SELECT CASE WHEN (SELECT count(*) FROM journal) < 0
              OR (SELECT count(*) FROM closed) < cardinality($11)
              OR (SELECT count(*) FROM released) < cardinality($11)
            THEN flows.contended() ELSE true END
