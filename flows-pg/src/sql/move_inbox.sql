-- Gives the messages and attributes of ended runs to the runs that go on in their place. $1 to $3 ended runs,
-- $4 their successors. Signals (kind 0), requests to cancel (1) or to terminate (7) and
-- updates (6) go over; what answers an operation of the ended run is dropped.
-- Called by `commit` and `fork`, behind the messages that they send, so that these come first.
-- Locks the messages, then the placements of the successors, which this transaction has made.
-- Indexes: inbox_pkey, runs_pkey, ready_pkey, attributes_pkey.
WITH successor AS MATERIALIZED (
    SELECT unnest($1::smallint[]) AS shard, unnest($2::uuid[]) AS tenant_id, unnest($3::uuid[]) AS run_id,
           unnest($4::uuid[]) AS successor
), left_over AS (
    DELETE FROM flows.inbox i USING successor h
    WHERE i.shard = ANY (ARRAY[h.shard]) AND i.tenant_id = h.tenant_id AND i.run_id = h.run_id
    RETURNING h.shard, h.tenant_id, h.successor, i.seq, i.kind, i.codec, i.name, i.payload
), inherited AS (
    INSERT INTO flows.inbox (shard, tenant_id, run_id, kind, codec, name, payload)
    SELECT shard, tenant_id, successor, kind, codec, name, payload
    FROM left_over WHERE kind IN (0, 1, 6, 7) ORDER BY seq
    RETURNING shard, tenant_id, run_id
), kept AS (
    INSERT INTO flows.attributes (shard, tenant_id, run_id, name, rows, encoded, created_at)
    SELECT a.shard, a.tenant_id, h.successor, a.name, 0, a.encoded, r.created_at
    FROM successor h
    CROSS JOIN LATERAL (
        SELECT a.* FROM flows.attributes a
        WHERE a.shard = ANY (ARRAY[h.shard]) AND a.tenant_id = h.tenant_id AND a.run_id = h.run_id
    ) AS a
    CROSS JOIN LATERAL (
        SELECT r.created_at FROM flows.runs r
        WHERE r.shard = ANY (ARRAY[h.shard]) AND r.tenant_id = h.tenant_id AND r.run_id = h.successor
        LIMIT 1
    ) AS r
    -- Idempotent: a successor has what it was given before.
    ON CONFLICT DO NOTHING
), target AS MATERIALIZED (
    SELECT DISTINCT shard, tenant_id, run_id FROM inherited
), entry AS MATERIALIZED (
    SELECT t.*, u.lane, u.priority
    FROM target t
    CROSS JOIN LATERAL (
        SELECT u.lane, u.priority FROM flows.runs u
        WHERE u.shard = t.shard AND u.tenant_id = t.tenant_id AND u.run_id = t.run_id
        LIMIT 1
    ) AS u
)
UPDATE flows.ready r SET load = true
FROM entry e
WHERE r.shard = ANY (ARRAY[e.shard]) AND r.lane = e.lane AND r.priority = e.priority
  AND r.run_id = e.run_id AND r.tenant_id = e.tenant_id
