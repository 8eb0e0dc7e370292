-- Parks runs that this worker owns and that have no messages it does not know of. $1 worker; $2 to $4
-- keys; $5 messages it knows to have been sent, $6 wake_at, $7 waiting_for, $8 setbacks, $9 the claim that
-- it means, or NULL. Answers which were parked.
-- Called by `commit`, behind the statement that appends. A run that this worker does not own (any
-- more) aborts the batch. Locks the placements, in the order of the arrays (sorted by the caller); flag
-- and counter are read under that lock, so messages either comes first and is seen, or finds the parked row.
-- Index: owned_pkey.
WITH mine AS MATERIALIZED (
    SELECT o.shard, o.tenant_id, o.run_id,
           o.has_messages OR o.sent > p.sent OR o.claim <> coalesce(p.claim, o.claim) AS changed,
           p.wake_at, p.waiting_for, p.setbacks
    FROM (SELECT unnest($2::smallint[]) AS shard, unnest($3::uuid[]) AS tenant_id, unnest($4::uuid[]) AS run_id,
                 unnest($5::bigint[]) AS sent, unnest($6::timestamptz[]) AS wake_at,
                 unnest($7::text[]) AS waiting_for, unnest($8::smallint[]) AS setbacks,
                 unnest($9::bigint[]) AS claim) AS p
    JOIN flows.owned o ON o.shard = ANY (ARRAY[p.shard]) AND o.tenant_id = p.tenant_id AND o.run_id = p.run_id
    WHERE o.worker_id = $1
    FOR UPDATE OF o
), gone AS (
    DELETE FROM flows.owned o USING mine m
    WHERE o.shard = ANY (ARRAY[m.shard]) AND o.tenant_id = m.tenant_id AND o.run_id = m.run_id AND NOT m.changed
    RETURNING o.shard, o.tenant_id, o.run_id, o.lane, o.priority, m.wake_at, m.waiting_for, m.setbacks
), parked AS (
    INSERT INTO flows.parked (shard, tenant_id, run_id, lane, priority, wake_at, waiting_for,
                              setbacks)
    SELECT shard, tenant_id, run_id, lane, priority, wake_at, waiting_for, setbacks FROM gone
    RETURNING shard, tenant_id, run_id
)
SELECT shard, tenant_id, run_id FROM parked
UNION ALL
SELECT NULL, NULL, NULL WHERE (SELECT count(*) FROM mine) < cardinality($2) AND flows.contended()
