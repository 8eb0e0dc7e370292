-- Takes a setback back from each of these runs: the worker that owned them is alive, and they did not
-- block it. $1 to $3 keys. A run that waits to be tried alone without need is ready again.
-- Answers those that others hold at the moment: they are asked for again.
-- Called by `retire`, behind the statements that let go of its runs. Locks the rows it changes, skipping
-- those that others hold. Indexes: runs_pkey, ready_pkey, owned_pkey, parked_pkey, for each key.
WITH run AS MATERIALIZED (
    SELECT r.shard, r.tenant_id, r.run_id, r.lane, r.priority
    FROM unnest($1::smallint[], $2::uuid[], $3::uuid[]) AS k (shard, tenant_id, run_id)
    CROSS JOIN LATERAL (
        SELECT r.shard, r.tenant_id, r.run_id, r.lane, r.priority FROM flows.runs r
        WHERE r.shard = k.shard AND r.tenant_id = k.tenant_id AND r.run_id = k.run_id AND r.status = 0
        LIMIT 1
    ) AS r
), place AS MATERIALIZED (
    SELECT k.run_id, q.place AS ready, o.place AS owned, p.place AS parked
    FROM run k
    LEFT JOIN LATERAL (
        SELECT q.ctid AS place, q.setbacks FROM flows.ready q
        WHERE q.shard = k.shard AND q.lane = k.lane AND q.priority = k.priority
          AND q.run_id = k.run_id AND q.tenant_id = k.tenant_id LIMIT 1
    ) AS q ON q.setbacks < 0
    LEFT JOIN LATERAL (
        SELECT o.ctid AS place, o.setbacks FROM flows.owned o
        WHERE o.shard = k.shard AND o.tenant_id = k.tenant_id AND o.run_id = k.run_id LIMIT 1
    ) AS o ON o.setbacks < 0
    LEFT JOIN LATERAL (
        SELECT p.ctid AS place, p.setbacks FROM flows.parked p
        WHERE p.run_id = k.run_id AND p.tenant_id = k.tenant_id AND p.shard = k.shard LIMIT 1
    ) AS p ON p.setbacks < 0
), found AS MATERIALIZED (
    SELECT * FROM place WHERE ready IS NOT NULL OR owned IS NOT NULL OR parked IS NOT NULL
), of_ready AS MATERIALIZED (
    SELECT q.ctid AS place FROM found f JOIN flows.ready q ON q.ctid = f.ready
    FOR UPDATE OF q SKIP LOCKED
), of_owned AS MATERIALIZED (
    SELECT o.ctid AS place FROM found f JOIN flows.owned o ON o.ctid = f.owned
    FOR UPDATE OF o SKIP LOCKED
), of_parked AS MATERIALIZED (
    SELECT p.ctid AS place, p.setbacks >= -2 AS is_cleared FROM found f JOIN flows.parked p ON p.ctid = f.parked
    FOR UPDATE OF p SKIP LOCKED
), ready AS (
    UPDATE flows.ready SET setbacks = setbacks + 1
    WHERE ctid = ANY (ARRAY(SELECT place FROM of_ready))
    RETURNING run_id
), owned AS (
    UPDATE flows.owned SET setbacks = setbacks + 1
    WHERE ctid = ANY (ARRAY(SELECT place FROM of_owned))
    RETURNING run_id
), cleared AS (
    DELETE FROM flows.parked WHERE ctid = ANY (ARRAY(SELECT place FROM of_parked WHERE is_cleared))
    RETURNING shard, lane, priority, run_id, tenant_id, setbacks + 1 AS setbacks
), ready_again AS (
    -- Idempotent: a run that is ready is ready.
    INSERT INTO flows.ready (shard, lane, priority, run_id, tenant_id, load, setbacks)
    SELECT shard, lane, priority, run_id, tenant_id, true, setbacks FROM cleared
    ON CONFLICT (shard, lane, priority, run_id, tenant_id) DO UPDATE SET load = true
), suspected AS (
    UPDATE flows.parked SET setbacks = setbacks + 1, wake_at = statement_timestamp(),
        waiting_for = format('its workers have ended %s times in a row; it is to be tried alone', -setbacks - 1)
    WHERE ctid = ANY (ARRAY(SELECT place FROM of_parked WHERE NOT is_cleared))
    RETURNING run_id
)
SELECT run_id FROM found
EXCEPT (SELECT run_id FROM ready UNION ALL SELECT run_id FROM owned
        UNION ALL SELECT run_id FROM cleared UNION ALL SELECT run_id FROM suspected)
