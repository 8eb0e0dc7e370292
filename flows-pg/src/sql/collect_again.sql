-- Raises the flag of a worker's runs that have messages. $1 worker. Answers how many of them others
-- hold: these are asked for again.
-- Called by `unfinished`, after a collect failed or was dropped half-way, so that flags may be down
-- whose messages nobody has seen; behind `void_requests.sql`, so that it cannot lower them later. Locks
-- the rows it changes, skipping those that others hold. Reads the small table `owned` whole: rare.
WITH due AS MATERIALIZED (
    SELECT o.ctid AS place FROM flows.owned o
    WHERE o.worker_id = $1 AND NOT o.has_messages
      AND (SELECT true FROM flows.inbox i
           WHERE i.shard = o.shard AND i.tenant_id = o.tenant_id AND i.run_id = o.run_id LIMIT 1)
), free AS MATERIALIZED (
    SELECT o.ctid AS place FROM due d JOIN flows.owned o ON o.ctid = d.place FOR UPDATE OF o SKIP LOCKED
), raised AS (
    UPDATE flows.owned SET has_messages = true WHERE ctid = ANY (ARRAY(SELECT place FROM free))
)
SELECT (SELECT count(*) FROM due) - (SELECT count(*) FROM free) AS held
