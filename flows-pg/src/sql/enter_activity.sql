-- Names the session of a transactional activity after its worker, and limits how long the server holds
-- the transaction for a client that has vanished. $1 name, $2 limit in milliseconds; a limit that the
-- application has set and that is shorter stays. A server that can notice a closed connection while a
-- statement waits looks for that (Linux can; others may refuse the setting).
-- Called by `in_transaction`, sent together with the body's first statement. Locks nothing.
SELECT set_config('application_name', $1, true),
       set_config('statement_timeout',
                  CASE current_setting('statement_timeout') WHEN '0' THEN $2::int::text
                       ELSE least($2::int, extract(epoch FROM current_setting('statement_timeout')::interval)
                                           ::float8 * 1000)::text END, true),
       set_config('idle_in_transaction_session_timeout',
                  CASE current_setting('idle_in_transaction_session_timeout') WHEN '0' THEN $2::int::text
                       ELSE least($2::int, extract(epoch FROM
                            current_setting('idle_in_transaction_session_timeout')::interval)
                                           ::float8 * 1000)::text END, true),
       set_config('client_connection_check_interval',
                  CASE WHEN version() LIKE '%linux%' THEN '2s' ELSE '0' END, true)
