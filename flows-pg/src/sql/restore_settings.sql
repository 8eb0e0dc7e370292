-- Sets a session to what it was set to before. $1 names, $2 values.
-- Called by `in_transaction`, behind the reset of a connection that had settings of its own. Locks nothing.
-- (With two arguments, `unnest` is PostgreSQL's own, whatever the search path says.)
SELECT pg_catalog.set_config(name, value, false)
FROM unnest($1::pg_catalog.text[], $2::pg_catalog.text[]) AS own (name, value)
