-- Delivers messages, if their runs are where this statement sees them. $1 to $3 runs; $4 kinds,
-- $5 names, $6 codecs, $7 payloads, $8 keys. Answers the runs whose placement was found, with their
-- owner if they have one, and whether their messages is only kept; and the messages that had been received
-- before. Messages of runs that are not in the answer were not delivered: the run has ended, or was on
-- its way from one placement to another.
-- Called by `send`, and by `commit` and `terminate` for messages that go with something else.
-- Locks: the placements first (owned, parked, ready; each in the order of the arrays, which the caller
-- sorts by run), then the inbox: `placed` is read to its end before the first message is numbered,
-- so that messages of a run are numbered in commit order.
-- Indexes: owned_pkey, parked_pkey, runs_pkey, ready_pkey, inbox_keys_pkey. Lists are compared by
-- `(…) IN (…) IS TRUE`, which hashes them also where joins by hash are switched off.
WITH message AS MATERIALIZED (
    SELECT unnest($1::smallint[]) AS shard, unnest($2::uuid[]) AS tenant_id, unnest($3::uuid[]) AS run_id,
           unnest($4::smallint[]) AS kind, unnest($5::text[]) AS name, unnest($6::smallint[]) AS codec,
           unnest($7::bytea[]) AS payload, unnest($8::text[]) AS key,
           generate_series(1::bigint, cardinality($1)) AS message
), scope AS MATERIALIZED (
    -- Keys hold for a run and for those that go on in its placement: they are kept with the first.
    SELECT l.*, coalesce((
        SELECT u.first_run FROM flows.runs u
        WHERE u.shard = l.shard AND u.tenant_id = l.tenant_id AND u.run_id = l.run_id LIMIT 1),
        l.run_id) AS first_run
    FROM message l WHERE l.key IS NOT NULL
), known AS MATERIALIZED (
    -- A message that has come before wakes nobody. (One that comes at the same moment may: its key
    -- is found below, behind the lock.)
    SELECT s.message FROM scope s WHERE (
        SELECT true FROM flows.inbox_keys k
        WHERE k.shard = s.shard AND k.tenant_id = s.tenant_id AND k.run_id = s.first_run
          AND k.key = s.key LIMIT 1)
), target AS MATERIALIZED (
    SELECT shard, tenant_id, run_id, count(*) AS messages
    FROM message WHERE message NOT IN (SELECT message FROM known)
    GROUP BY shard, tenant_id, run_id ORDER BY shard, tenant_id, run_id
), owner AS (
    UPDATE flows.owned o SET has_messages = true, sent = o.sent + t.messages FROM target t
    WHERE o.shard = ANY (ARRAY[t.shard]) AND o.tenant_id = t.tenant_id AND o.run_id = t.run_id
    RETURNING o.tenant_id, o.run_id, o.worker_id
), patient AS (
    -- Messages wait with a run that is stuck or whose start is delayed.
    SELECT p.tenant_id, p.run_id
    FROM target t
    JOIN flows.parked p ON p.run_id = ANY (ARRAY[t.run_id]) AND p.tenant_id = t.tenant_id AND p.shard = t.shard
    WHERE p.setbacks <> 0 OR p.waiting_for IS NULL
    FOR UPDATE OF p
), woken AS (
    DELETE FROM flows.parked p USING target t
    WHERE p.run_id = ANY (ARRAY[t.run_id]) AND p.tenant_id = t.tenant_id AND p.shard = t.shard
      AND p.setbacks = 0 AND p.waiting_for IS NOT NULL
    RETURNING p.shard, p.lane, p.priority, p.run_id, p.tenant_id
), now_ready AS (
    -- Idempotent: a run that is ready is ready.
    INSERT INTO flows.ready (shard, lane, priority, run_id, tenant_id, load)
    SELECT shard, lane, priority, run_id, tenant_id, true FROM woken
    ON CONFLICT (shard, lane, priority, run_id, tenant_id) DO UPDATE SET load = true
    RETURNING tenant_id, run_id
), entry AS MATERIALIZED (
    SELECT t.*, u.lane, u.priority
    FROM target t
    CROSS JOIN LATERAL (
        SELECT u.lane, u.priority FROM flows.runs u
        WHERE u.shard = t.shard AND u.tenant_id = t.tenant_id AND u.run_id = t.run_id
        LIMIT 1
    ) AS u
), marked AS (
    UPDATE flows.ready r SET load = true
    FROM entry e
    WHERE r.shard = ANY (ARRAY[e.shard]) AND r.lane = e.lane AND r.priority = e.priority
      AND r.run_id = e.run_id AND r.tenant_id = e.tenant_id
    RETURNING r.tenant_id, r.run_id
), placed AS MATERIALIZED (
    SELECT tenant_id, run_id, worker_id, false AS kept FROM owner
    UNION ALL SELECT tenant_id, run_id, NULL, true FROM patient
    UNION ALL SELECT tenant_id, run_id, NULL, false FROM now_ready
    UNION ALL SELECT tenant_id, run_id, NULL, false FROM marked
), keyed AS MATERIALIZED (
    SELECT DISTINCT ON (tenant_id, first_run, key) *
    FROM scope
    WHERE message NOT IN (SELECT message FROM known)
      AND ((tenant_id, run_id) IN (SELECT tenant_id, run_id FROM placed)) IS TRUE
    ORDER BY tenant_id, first_run, key, message
), fresh AS (
    -- Idempotent: a key that the run has received keeps its message out.
    INSERT INTO flows.inbox_keys (shard, tenant_id, run_id, key)
    SELECT shard, tenant_id, first_run, key FROM keyed
    ON CONFLICT DO NOTHING
    RETURNING tenant_id, run_id AS first_run, key
), accepted AS MATERIALIZED (
    SELECT * FROM message
    WHERE key IS NULL AND ((tenant_id, run_id) IN (SELECT tenant_id, run_id FROM placed)) IS TRUE
    UNION ALL
    SELECT shard, tenant_id, run_id, kind, name, codec, payload, key, message FROM keyed
    WHERE ((tenant_id, first_run, key) IN (SELECT tenant_id, first_run, key FROM fresh)) IS TRUE
), delivered AS (
    INSERT INTO flows.inbox (shard, tenant_id, run_id, kind, name, codec, payload)
    SELECT shard, tenant_id, run_id, kind, name, codec, payload FROM accepted ORDER BY message
)
SELECT tenant_id, run_id, worker_id, kept, NULL AS received FROM placed
UNION ALL
SELECT NULL, NULL, NULL, NULL, message FROM message
WHERE key IS NOT NULL AND message NOT IN (SELECT message FROM accepted)
  AND (message IN (SELECT message FROM known)
       OR ((tenant_id, run_id) IN (SELECT tenant_id, run_id FROM placed)) IS TRUE)
