-- Reads journals of runs, and first pages of their inboxes, each in order. $1 to $3 keys; `run` counts
-- them from 1; $4 and $5 the worker and the claim that must own them, or NULL; $6 the most bytes of a
-- journal, $7 of a page, $8 the most messages of one. A row with a position is a journal row, one without
-- is a message. The first that does not fit comes without its content: there is more.
-- Called by `claim`, `reload` and `scan`, behind the statement that gave them the runs: what made a run
-- ready is visible to a statement that starts later. One statement, so one snapshot of both.
-- Locks nothing. Indexes: owned_pkey, journal_pkey, inbox_pkey.
WITH key AS MATERIALIZED (
    SELECT *
    FROM (SELECT unnest($1::smallint[]) AS shard, unnest($2::uuid[]) AS tenant_id, unnest($3::uuid[]) AS run_id,
                 generate_series(1::bigint, cardinality($1)) AS run) AS k
    WHERE $4::uuid IS NULL OR (
        SELECT true FROM flows.owned o
        WHERE o.shard = k.shard AND o.tenant_id = k.tenant_id AND o.run_id = k.run_id
          AND o.worker_id = $4 AND o.claim = $5 LIMIT 1)
)
SELECT k.run, j.position, CASE WHEN j.upto <= $6::bigint THEN j.events END AS events,
       NULL::bigint AS seq, NULL::smallint AS kind, NULL::smallint AS codec, NULL::text AS name,
       NULL::bytea AS payload
FROM key k
CROSS JOIN LATERAL (
    SELECT w.position, w.events, octet_length(w.events) AS bytes,
           sum(octet_length(w.events)) OVER (ORDER BY w.position ROWS UNBOUNDED PRECEDING) AS upto
    FROM flows.journal w
    WHERE w.run_id = k.run_id AND w.tenant_id = k.tenant_id AND w.shard = k.shard
) AS j
WHERE j.upto - j.bytes <= $6::bigint
UNION ALL
SELECT k.run, NULL, NULL, i.seq, i.kind, i.codec, i.name,
       CASE WHEN i.upto <= $7::bigint AND i.number <= $8::bigint THEN i.payload END
FROM key k
CROSS JOIN LATERAL (
    SELECT w.seq, w.kind, w.codec, w.name, w.payload, octet_length(w.payload) AS bytes,
           sum(octet_length(w.payload)) OVER (ORDER BY w.seq ROWS UNBOUNDED PRECEDING) AS upto,
           row_number() OVER (ORDER BY w.seq ROWS UNBOUNDED PRECEDING) AS number
    FROM (
        SELECT x.seq, x.kind, x.codec, x.name, x.payload
        FROM flows.inbox x
        WHERE x.shard = k.shard AND x.tenant_id = k.tenant_id AND x.run_id = k.run_id
        ORDER BY x.seq
        LIMIT $8::bigint + 1
    ) AS w
) AS i
WHERE i.upto - i.bytes <= $7::bigint
ORDER BY run, position, seq
