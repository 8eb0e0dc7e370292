-- Reads the limits that a session has, in milliseconds, and whether its server can notice that a connection
-- has been closed while a statement waits (Linux can; others may refuse the setting).
-- Called by `in_transaction`, once per connection of the pool; behind a pooler, in each transaction. Locks
-- nothing.
-- Whatever the search path says, it means what PostgreSQL means: it names the schema of everything.
SELECT (SELECT setting::bigint FROM pg_catalog.pg_settings
        WHERE name OPERATOR(pg_catalog.=) 'statement_timeout') AS statement,
       (SELECT setting::bigint FROM pg_catalog.pg_settings
        WHERE name OPERATOR(pg_catalog.=) 'idle_in_transaction_session_timeout') AS idle,
       pg_catalog.version() OPERATOR(pg_catalog.~~) '%linux%' AS notices
