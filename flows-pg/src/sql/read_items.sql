-- Reads items of a run's stream, and how the run is. $1 to $3 key, $4 the first position, $5 how many at most.
-- Called by `read_items`. Locks nothing. Indexes: runs_pkey, stream_items_pkey.
SELECT r.status, r.successor, i.item_position, i.item
FROM flows.runs r
LEFT JOIN LATERAL (
    SELECT s.item_position, s.item::text AS item FROM flows.stream_items s
    WHERE s.shard = $1 AND s.tenant_id = $2 AND s.run_id = $3 AND s.item_position >= $4
    ORDER BY s.item_position LIMIT $5
) AS i ON true
WHERE r.shard = $1 AND r.tenant_id = $2 AND r.run_id = $3
ORDER BY i.item_position
