-- Prepares a connection that takes and renews leases. Sent once, by `session`.
-- A lease that a crash of the database forgets is over a little sooner: nothing is lost.
SET application_name = 'flows leases';
SET lock_timeout = '5s';
SET synchronous_commit = off;
