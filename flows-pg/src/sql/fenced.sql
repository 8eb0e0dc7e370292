-- Finds the records of an aborted batch that have lost their run: somebody has written at their
-- position, the run has ended, or it is to go somewhere and is not owned (any more, by this claim).
-- $1 worker; $2 to $4 keys; $5 positions (null: appends nothing); $6 whether the record moves the run;
-- $7 claims (null: whichever there is).
-- Called by `commit`. Locks nothing. Indexes: journal_pkey, runs_pkey, owned_pkey.
SELECT k.record
FROM unnest($2::smallint[], $3::uuid[], $4::uuid[], $5::integer[], $6::boolean[],
            $7::bigint[])
     WITH ORDINALITY AS k (shard, tenant_id, run_id, position, moves, claim, record)
WHERE (SELECT true FROM flows.journal j
       WHERE j.shard = k.shard AND j.tenant_id = k.tenant_id AND j.run_id = k.run_id
         AND j.position = k.position LIMIT 1) IS TRUE
   OR (SELECT true FROM flows.runs r
       WHERE r.shard = k.shard AND r.tenant_id = k.tenant_id AND r.run_id = k.run_id
         AND r.status = 0 LIMIT 1) IS NOT TRUE
   OR (k.moves AND (
       SELECT true FROM flows.owned o
       WHERE o.shard = k.shard AND o.tenant_id = k.tenant_id AND o.run_id = k.run_id
         AND o.worker_id = $1 AND o.claim = coalesce(k.claim, o.claim) LIMIT 1) IS NOT TRUE)
