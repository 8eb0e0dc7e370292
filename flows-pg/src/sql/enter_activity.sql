-- Marks the transaction of a transactional activity as one of its worker's, by a lock that ends with it, and
-- limits how long the server holds it for a client that has vanished. $1 the worker's key; $2 and $3 milliseconds,
-- of a statement and between two; $4 how often a server looks for a closed connection while a statement waits.
-- Answers when the transaction began, by which it is known again.
-- Called by `in_transaction`, sent together with the body's first statement. Locks the worker's key, shared with
-- its other activities; nobody locks it alone, and nobody waits.
-- Whatever the search path says, it means what PostgreSQL means: it names the schema of everything.
SELECT pg_catalog.pg_try_advisory_xact_lock_shared($1),
       pg_catalog.set_config('statement_timeout', $2, true),
       pg_catalog.set_config('idle_in_transaction_session_timeout', $3, true),
       pg_catalog.set_config('client_connection_check_interval', $4, true),
       pg_catalog.transaction_timestamp() AS begun
