-- Keeps answers to updates. $1 worker; $2 to $4 runs, $5 ids of the updates, $6 replies, $7 errors, $8 messages that are
-- refused (null: the answer comes with a journal row), $9 claims.
-- Called by `commit`, in the transaction of what the runs have done. An answer with a row is fenced by that. A refusal
-- has none: it is kept if this worker owns the run, by this claim, and the message is still there, which it removes. The
-- placement is locked, so that nobody takes over the run and reads the message meanwhile.
-- Locks the placements of runs that refuse, then the messages, in the order of the keys.
-- Indexes: owned_pkey, inbox_pkey, runs_pkey, update_answers_pkey.
WITH answer AS MATERIALIZED (
    SELECT unnest($2::smallint[]) AS shard, unnest($3::uuid[]) AS tenant_id, unnest($4::uuid[]) AS run_id,
           unnest($5::text[]) AS id, unnest($6::text[]) AS reply, unnest($7::text[]) AS error,
           unnest($8::bigint[]) AS seq, unnest($9::bigint[]) AS claim
), mine AS MATERIALIZED (
    SELECT o.shard, o.tenant_id, o.run_id
    FROM (SELECT DISTINCT shard, tenant_id, run_id, claim FROM answer WHERE seq IS NOT NULL
          ORDER BY shard, tenant_id, run_id) AS f
    CROSS JOIN LATERAL (
        SELECT o.shard, o.tenant_id, o.run_id FROM flows.owned o
        WHERE o.shard = ANY (ARRAY[f.shard]) AND o.tenant_id = f.tenant_id AND o.run_id = f.run_id
          AND o.worker_id = $1 AND o.claim = coalesce(f.claim, o.claim)
        LIMIT 1 FOR UPDATE
    ) AS o
), refused AS (
    DELETE FROM flows.inbox i
    USING (SELECT * FROM answer
           WHERE seq IS NOT NULL AND ((tenant_id, run_id) IN (SELECT tenant_id, run_id FROM mine)) IS TRUE) AS a
    WHERE i.shard = ANY (ARRAY[a.shard]) AND i.tenant_id = a.tenant_id AND i.run_id = a.run_id AND i.seq = a.seq
    RETURNING i.tenant_id, i.run_id, i.seq
)
INSERT INTO flows.update_answers (shard, tenant_id, run_id, update_id, reply, error)
SELECT a.shard, a.tenant_id, coalesce((
           SELECT r.first_run FROM flows.runs r
           WHERE r.shard = a.shard AND r.tenant_id = a.tenant_id AND r.run_id = a.run_id LIMIT 1), a.run_id),
       a.id, a.reply::jsonb, a.error::jsonb
FROM answer a
WHERE a.seq IS NULL OR ((a.tenant_id, a.run_id, a.seq) IN (SELECT tenant_id, run_id, seq FROM refused)) IS TRUE
-- Idempotent: the first answer stays.
ON CONFLICT DO NOTHING
