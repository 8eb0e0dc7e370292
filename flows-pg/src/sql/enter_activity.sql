-- Names the session of a transactional activity after its worker, and limits how long the server holds
-- the transaction for a client that has vanished. $1 name; $2 and $3 milliseconds, of a statement and
-- between two; $4 how often a server looks for a closed connection while a statement waits. Answers when the
-- transaction began, by which it is known again.
-- Called by `in_transaction`, sent together with the body's first statement. Locks nothing.
-- Whatever the search path says, it means what PostgreSQL means: it names the schema of everything.
SELECT pg_catalog.set_config('application_name', $1, true),
       pg_catalog.set_config('statement_timeout', $2, true),
       pg_catalog.set_config('idle_in_transaction_session_timeout', $3, true),
       pg_catalog.set_config('client_connection_check_interval', $4, true),
       pg_catalog.transaction_timestamp() AS begun
