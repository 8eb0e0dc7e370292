-- Raises the mail flag of a worker's runs that have letters. $1 worker.
-- Called by `unfinished`, after a collect failed or was dropped half-way, so that flags may be down
-- whose letters nobody has seen; behind `void_requests.sql`, so that it cannot lower them later. Locks the rows it changes. Reads the small table `owned` whole: rare.
UPDATE flows.owned o SET mail = true
WHERE o.worker_id = $1 AND NOT o.mail
  AND EXISTS (SELECT FROM flows.inbox i
              WHERE i.shard = ANY (ARRAY[o.shard]) AND i.tenant_id = o.tenant_id AND i.run_id = o.run_id)
