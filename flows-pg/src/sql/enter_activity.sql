-- Names the session of a transactional activity after its worker, and limits how long the server holds
-- the transaction for a client that has vanished. $1 name, $2 limit in milliseconds; a limit that the
-- application has set and that is shorter stays. A server that can notice a closed connection while a
-- statement waits looks for that (Linux can; others may refuse the setting).
-- Called by `in_transaction`, sent together with the body's first statement. Locks nothing.
-- Whatever the search path says, it means what PostgreSQL means: it names the schema of everything.
SELECT pg_catalog.set_config('application_name', $1, true),
       pg_catalog.set_config('statement_timeout',
           CASE WHEN pg_catalog.current_setting('statement_timeout') OPERATOR(pg_catalog.=) '0' THEN $2::int::pg_catalog.text
                ELSE least($2::int, extract(epoch FROM pg_catalog.current_setting('statement_timeout')::pg_catalog.interval)
                                    ::double precision OPERATOR(pg_catalog.*) 1000)::pg_catalog.text END, true),
       pg_catalog.set_config('idle_in_transaction_session_timeout',
           CASE WHEN pg_catalog.current_setting('idle_in_transaction_session_timeout') OPERATOR(pg_catalog.=) '0'
                THEN $2::int::pg_catalog.text
                ELSE least($2::int, extract(epoch FROM
                         pg_catalog.current_setting('idle_in_transaction_session_timeout')::pg_catalog.interval)
                                    ::double precision OPERATOR(pg_catalog.*) 1000)::pg_catalog.text END, true),
       pg_catalog.set_config('client_connection_check_interval',
           CASE WHEN pg_catalog.version() OPERATOR(pg_catalog.~~) '%linux%' THEN '2s' ELSE '0' END, true)
