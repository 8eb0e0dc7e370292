-- Sets a session to what it was set to before. $1 names, $2 values.
-- Called by `in_transaction`, behind the reset of a connection that had settings of its own. Locks nothing.
SELECT set_config(name, value, false) FROM unnest($1::text[], $2::text[]) AS own (name, value)
