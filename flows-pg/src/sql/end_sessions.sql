-- Ends the sessions that have a transaction of these workers' activities open, as far as the login role may:
-- their workers have lost their leases. $1 keys of workers, as `enter_activity.sql` locks them.
-- Called by `poll`, in front of taking over the worker's runs. Locks nothing.
SELECT count(*) FILTER (WHERE pg_terminate_backend(a.pid)) AS ended
FROM pg_catalog.pg_locks AS l
JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
JOIN pg_catalog.pg_roles AS theirs ON theirs.oid = a.usesysid
WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND a.datid = l.database AND a.datname = current_database()
  AND ((l.classid::bigint << 32) | l.objid::bigint) = ANY ($1)
  AND (pg_has_role(theirs.oid, 'USAGE')
       OR (pg_has_role('pg_signal_backend', 'USAGE') AND NOT theirs.rolsuper))
