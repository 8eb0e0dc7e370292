-- Prepares a connection that claims, looks and renews. Sent once, by `session`.
-- A claim need not survive a crash of the database: the run would be ready again.
SET ROLE flows_worker;
SET application_name = 'flows claimer';
SET synchronous_commit = off;
SET enable_mergejoin = off;
SET jit = off;
