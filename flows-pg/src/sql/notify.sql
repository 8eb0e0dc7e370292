-- Sends hints to the other processes. $1 payloads.
-- Called by the notifier alone, on its own connection: NOTIFY serialises the commits of all that
-- use it. Locks the server's notification queue.
SELECT pg_catalog.pg_notify('flows', hint) FROM pg_catalog.unnest($1::pg_catalog.text[]) AS hint
