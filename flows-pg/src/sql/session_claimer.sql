-- Prepares a connection that claims, looks and collects. Sent once, by `session`.
-- A claim need not survive a crash of the database: the run would be ready again.
-- The hot tables are small one moment and large the next, so plans are made once, for the indexes.
SET application_name = 'flows claimer';
SET lock_timeout = '5s';
SET synchronous_commit = off;
