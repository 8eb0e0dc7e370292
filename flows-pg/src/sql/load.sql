-- Reads journals and inboxes of runs, each in order. $1 to $3 keys; `run` counts them from 1; $4 and
-- $5 the worker and the claim that must own them, or NULL. A row with a position is a journal row, one
-- without is a letter.
-- Called by `claim`, `reload` and `survey`, behind the statement that gave them the runs: what made a run
-- ready is visible to a statement that starts later. One statement, so one snapshot of both.
-- Locks nothing. Indexes: owned_pkey, journal_pkey, inbox_pkey.
WITH key AS MATERIALIZED (
    SELECT * FROM unnest($1::smallint[], $2::uuid[], $3::uuid[])
         WITH ORDINALITY AS k (shard, tenant_id, run_id, run)
    WHERE $4::uuid IS NULL OR (
        SELECT true FROM flows.owned o
        WHERE o.shard = k.shard AND o.tenant_id = k.tenant_id AND o.run_id = k.run_id
          AND o.worker_id = $4 AND o.claim = $5 LIMIT 1)
)
SELECT k.run, j.position, j.events, NULL::bigint AS seq, NULL::smallint AS kind,
       NULL::smallint AS codec, NULL::text AS name, NULL::bytea AS payload
FROM key k
JOIN flows.journal j ON j.run_id = ANY (ARRAY[k.run_id]) AND j.tenant_id = k.tenant_id AND j.shard = k.shard
UNION ALL
SELECT k.run, NULL, NULL, i.seq, i.kind, i.codec, i.name, i.payload
FROM key k
JOIN flows.inbox i ON i.shard = ANY (ARRAY[k.shard]) AND i.tenant_id = k.tenant_id AND i.run_id = k.run_id
ORDER BY run, position, seq
