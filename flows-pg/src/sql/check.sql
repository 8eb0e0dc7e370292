-- Reads what must hold before anything else is done: the schema's version, the roles' powers, and whether
-- messages were ever numbered here if there are any (who may not look at the sequence does not ask). Also the
-- database's encoding, and how many connections the role and the database allow, if they limit them.
-- Called once by every store, by `check`. Locks nothing.
SELECT pg_is_in_recovery() AS standby,
       current_setting('server_encoding') AS encoding,
       (SELECT max(version) FROM flows.schema_version) AS version,
       (SELECT serves FROM flows.schema_version ORDER BY version DESC LIMIT 1) AS serves,
       coalesce((SELECT string_agg(rolname, ', ') FROM pg_catalog.pg_roles
                 WHERE rolname IN ('flows_tenant', 'flows_worker')
                   AND (rolsuper OR rolbypassrls)), '') AS almighty,
       (SELECT count(*) FROM unnest(ARRAY['flows_tenant', 'flows_worker']) AS role
        WHERE pg_has_role(session_user, role, CASE WHEN current_setting('server_version_num')::int >= 160000
                                                   THEN 'SET' ELSE 'MEMBER' END)) AS roles,
       (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = session_user) AS superuser,
       session_user::text AS login,
       (SELECT min(most) FROM (
            SELECT rolconnlimit FROM pg_catalog.pg_roles WHERE rolname = session_user
            UNION ALL
            SELECT datconnlimit FROM pg_catalog.pg_database WHERE datname = current_database()
        ) AS limits (most) WHERE most >= 0) AS connections,
       pg_relation_size('flows.inbox') > 0 AND (
           SELECT last_value IS NULL AND has_sequence_privilege('flows.inbox_seq_seq', 'SELECT')
           FROM pg_catalog.pg_sequences
           WHERE schemaname = 'flows' AND sequencename = 'inbox_seq_seq') AS unnumbered
