-- Names the session of a transactional activity after its worker, and limits how long the server holds
-- the transaction for a client that has vanished. $1 name, $2 limit in milliseconds; a limit that the
-- application has set and that is shorter stays. A server that can notice a closed connection while a
-- statement waits looks for that.
-- Called by `in_transaction`, sent together with the body's first statement. Locks nothing.
SELECT set_config('application_name', $1, true),
       set_config('statement_timeout', least($2::int, nullif(own.statement, 0))::text, true),
       set_config('idle_in_transaction_session_timeout', least($2::int, nullif(own.idle, 0))::text, true),
       set_config('client_connection_check_interval',
                  CASE WHEN version() ~* 'mingw|visual|windows|msvc' THEN '0' ELSE '2s' END, true)
FROM (SELECT extract(epoch FROM current_setting('statement_timeout')::interval)::float8 * 1000,
             extract(epoch FROM current_setting('idle_in_transaction_session_timeout')::interval)::float8 * 1000)
     AS own (statement, idle)
