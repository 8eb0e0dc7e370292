-- Prepares a connection that commits turns. Sent once, by `session`.
-- The statements of `commit` are indexed one row at a time from arrays; planned on a table that was
-- empty, they would stay several times slower. So: one plan for good, and no other way to join.
-- A run that somebody holds in a long transaction must not hold up all others: after the lock
-- timeout, which is as long as a commit of others may take, the batch goes on without it.
SET application_name = 'flows writer';
SET lock_timeout = '50ms';
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
