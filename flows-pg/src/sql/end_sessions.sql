-- Ends the sessions of these names in this database, as far as the login role may: they are those of
-- transactional activities whose worker has lost its lease. $1 names.
-- Called by `poll`, in front of taking over the worker's runs. Locks nothing.
SELECT count(*) FILTER (WHERE pg_terminate_backend(a.pid)) AS ended
FROM pg_catalog.pg_stat_activity AS a
JOIN pg_catalog.pg_roles AS theirs ON theirs.oid = a.usesysid
WHERE a.datname = current_database() AND a.application_name = ANY ($1)
  AND (pg_has_role(theirs.oid, 'USAGE')
       OR (pg_has_role('pg_signal_backend', 'USAGE') AND NOT theirs.rolsuper))
