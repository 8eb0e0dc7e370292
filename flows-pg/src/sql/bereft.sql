-- Finds records in front of whose journal row one is missing. $1 to $3 keys, $4 positions, above 0.
-- Called by `commit`, for runs that were read before its connection was opened again: the server may be
-- another one by now, which lacks the last commits. Locks nothing. Index: journal_pkey.
SELECT k.record
FROM unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::integer[])
     WITH ORDINALITY AS k (shard, tenant_id, run_id, position, record)
WHERE (SELECT true FROM flows.journal j
       WHERE j.shard = k.shard AND j.tenant_id = k.tenant_id AND j.run_id = k.run_id
         AND j.position = k.position - 1 LIMIT 1) IS NOT TRUE
