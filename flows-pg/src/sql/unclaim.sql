-- Makes runs ready again whose claim never reached the worker. $1 worker, $2 numbers of the claims.
-- Called by `unfinished`, after a claim failed or was dropped half-way, behind
-- `void_requests.sql`: what those claims took is visible by now.
-- Locks the rows it moves. Reads the small table `owned` whole: this is rare.
WITH lost AS (
    DELETE FROM flows.owned WHERE worker_id = $1 AND claim = ANY ($2::bigint[])
    RETURNING shard, lane, priority, run_id, tenant_id
)
-- Idempotent: a run that is ready is ready.
INSERT INTO flows.ready (shard, lane, priority, run_id, tenant_id, load)
SELECT shard, lane, priority, run_id, tenant_id, true FROM lost
ON CONFLICT (shard, lane, priority, run_id, tenant_id) DO UPDATE SET load = true
