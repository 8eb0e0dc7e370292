-- Plans are made once, and use the indexes, whatever the tables held when they were made. Sent once, by
-- `session`, on connections that claim and commit.
SET plan_cache_mode = force_generic_plan;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
