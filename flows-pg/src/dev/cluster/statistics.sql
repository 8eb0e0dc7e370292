-- Run once in `template1`, so that every database made later has it.
CREATE EXTENSION pg_stat_statements;

GRANT EXECUTE ON ROUTINE pg_stat_statements_reset TO app;

