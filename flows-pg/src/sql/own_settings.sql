-- Reads what a session was set to since it began, its role included.
-- Called by `in_transaction`, once per connection of the pool. Locks nothing.
SELECT name, setting FROM pg_catalog.pg_settings WHERE source OPERATOR(pg_catalog.=) 'session'
UNION ALL
SELECT 'role', pg_catalog.current_setting('role')
WHERE pg_catalog.current_setting('role') OPERATOR(pg_catalog.<>) 'none'
