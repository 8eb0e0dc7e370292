-- As `enter_activity.sql`, on a session that another activity has handed over: releases the advisory locks that
-- its body has left. The same parameters, the same answer.
-- Called by `in_transaction`, sent together with the body's first statement. Locks what that locks.
-- Whatever the search path says, it means what PostgreSQL means: it names the schema of everything.
SELECT pg_catalog.pg_advisory_unlock_all(),
       pg_catalog.pg_try_advisory_xact_lock_shared($1),
       pg_catalog.set_config('statement_timeout', $2, true),
       pg_catalog.set_config('idle_in_transaction_session_timeout', $3, true),
       pg_catalog.set_config('client_connection_check_interval', $4, true),
       pg_catalog.transaction_timestamp() AS begun
