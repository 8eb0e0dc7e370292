-- Adds items to the streams of runs, and removes the oldest beyond what a stream keeps. $1 to $3 runs; $4 numbers
-- (null: of an activity), $5 items; $6 how many a stream keeps, and $7 how many bytes.
-- Called by `commit`, in the transaction of what the runs have done; and by `publish_items`, for activities.
-- Items with a number that is not above the last one were added before: a run that is read again publishes again what
-- may not be durable. They leave a gap. Items of activities are added only while their run is open.
-- Locks the rows of `streams`, in the order of the key; everything else follows from the one that holds it.
-- Indexes: streams_pkey, stream_items_pkey, runs_pkey.
WITH item AS MATERIALIZED (
    SELECT g.*, dense_rank() OVER (ORDER BY shard, tenant_id, run_id)::integer AS stream,
           row_number() OVER behind AS back, sum(g.size) OVER behind AS bytes
    FROM (
        SELECT l.*, octet_length(l.item)::bigint AS size
        FROM (
            SELECT unnest($1::smallint[]) AS shard, unnest($2::uuid[]) AS tenant_id, unnest($3::uuid[]) AS run_id,
                   unnest($4::bigint[]) AS number, unnest($5::text[]) AS item,
                   generate_series(1::bigint, cardinality($1)) AS place
        ) AS l
        WHERE l.number IS NOT NULL OR (
            SELECT true FROM flows.runs r
            WHERE r.shard = l.shard AND r.tenant_id = l.tenant_id AND r.run_id = l.run_id AND r.status = 0 LIMIT 1)
    ) AS g
    WINDOW behind AS (PARTITION BY shard, tenant_id, run_id ORDER BY place DESC)
), stream AS (
    INSERT INTO flows.streams AS s (shard, tenant_id, run_id, next, bytes, published, before)
    SELECT shard, tenant_id, run_id, count(*), sum(size), coalesce(max(number), -1), -1
    FROM item GROUP BY shard, tenant_id, run_id ORDER BY shard, tenant_id, run_id
    -- Idempotent: what was published before is known by its number.
    ON CONFLICT (shard, tenant_id, run_id) DO UPDATE
    SET next = s.next + excluded.next, bytes = s.bytes + excluded.bytes,
        published = greatest(s.published, excluded.published), before = s.published
    RETURNING s.*
), streams AS MATERIALIZED (
    -- By number: a join would compare each item with each stream.
    SELECT array_agg(next ORDER BY shard, tenant_id, run_id) AS next,
           array_agg(bytes ORDER BY shard, tenant_id, run_id) AS bytes,
           array_agg(before ORDER BY shard, tenant_id, run_id) AS before
    FROM stream
), added AS (
    INSERT INTO flows.stream_items (shard, tenant_id, run_id, item_position, begins_at, item)
    SELECT i.shard, i.tenant_id, i.run_id, s.next[i.stream] - i.back, s.bytes[i.stream] - i.bytes,
           i.item::jsonb
    FROM item i CROSS JOIN streams s
    WHERE (i.number IS NULL OR i.number > s.before[i.stream]) AND i.back <= $6
), kept AS MATERIALIZED (
    SELECT s.shard, s.tenant_id, s.run_id, greatest(s.next - $6::bigint, coalesce((
        SELECT k.item_position FROM flows.stream_items k
        WHERE k.shard = s.shard AND k.tenant_id = s.tenant_id AND k.run_id = s.run_id
          AND k.begins_at >= s.bytes - $7::bigint
        ORDER BY k.item_position LIMIT 1), s.next)) AS first
    FROM stream s WHERE s.next > $6 OR s.bytes > $7
)
DELETE FROM flows.stream_items o USING kept k
WHERE o.shard = ANY (ARRAY[k.shard]) AND o.tenant_id = k.tenant_id AND o.run_id = k.run_id AND o.item_position < k.first
