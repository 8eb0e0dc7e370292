-- Reads a page of each inbox, in order. $1 to $3 keys; `run` counts them from 1; $4 the messages behind
-- which to read; $5 the most bytes of a page, $6 the most messages, $7 whether the first message fits in any
-- case. The first message that does not fit comes without its payload: there is more.
-- Called by `collect`, behind the statement that gave it the runs, and by `read_inboxes`.
-- Locks nothing. Index: inbox_pkey.
SELECT k.run, i.seq, i.kind, i.codec, i.name,
       CASE WHEN (i.upto <= $5::bigint OR ($7::boolean AND i.number = 1)) AND i.number <= $6::bigint
            THEN i.payload END AS payload
FROM (SELECT unnest($1::smallint[]) AS shard, unnest($2::uuid[]) AS tenant_id, unnest($3::uuid[]) AS run_id,
             unnest($4::bigint[]) AS behind, generate_series(1::bigint, cardinality($1)) AS run) AS k
CROSS JOIN LATERAL (
    SELECT w.seq, w.kind, w.codec, w.name, w.payload, octet_length(w.payload) AS bytes,
           sum(octet_length(w.payload)) OVER (ORDER BY w.seq ROWS UNBOUNDED PRECEDING) AS upto,
           row_number() OVER (ORDER BY w.seq ROWS UNBOUNDED PRECEDING) AS number
    FROM (
        SELECT x.seq, x.kind, x.codec, x.name, x.payload
        FROM flows.inbox x
        WHERE x.shard = k.shard AND x.tenant_id = k.tenant_id AND x.run_id = k.run_id
          AND x.seq > k.behind
        ORDER BY x.seq
        LIMIT $6::bigint + 1
    ) AS w
) AS i
WHERE i.upto - i.bytes <= $5::bigint OR ($7::boolean AND i.number = 2)
ORDER BY k.run, i.seq
