-- Run once in a new cluster. `:superuser` and `:app` become hexadecimal passwords.
ALTER ROLE postgres PASSWORD ':superuser';

-- What an application has in production: no superuser, because that would not see row security.
CREATE ROLE app LOGIN NOSUPERUSER NOBYPASSRLS CREATEDB CREATEROLE PASSWORD ':app';

GRANT pg_read_all_stats, pg_signal_backend TO app;

