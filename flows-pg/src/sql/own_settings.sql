-- Reads what a session was set to since it began, its role included.
-- Called by `in_transaction`, once per connection of the pool. Locks nothing.
SELECT name, setting FROM pg_catalog.pg_settings WHERE source = 'session'
UNION ALL
SELECT 'role', current_setting('role') WHERE current_setting('role') <> 'none'
