-- Makes stuck runs of some lanes due, for a build that may mend them has come. $1 lanes, $2 limit.
-- Answers how many it found, and how many it changed. Runs that end their workers are left alone.
-- Called by `register`, until there are no more. Locks the rows it changes, skipping those that others
-- hold (somebody sends to them): they are found again. Index: parked_stuck.
WITH later AS MATERIALIZED (
    SELECT found.place
    FROM unnest($1::bigint[]) AS l (lane)
    CROSS JOIN LATERAL (
        SELECT p.ctid AS place FROM flows.parked p
        WHERE p.lane = l.lane AND p.wake_at > statement_timestamp() AND p.setbacks > 0
        ORDER BY p.wake_at LIMIT $2::bigint
    ) AS found
    LIMIT $2::bigint
), locked AS MATERIALIZED (
    SELECT p.ctid AS place FROM later l JOIN flows.parked p ON p.ctid = l.place
    FOR UPDATE OF p SKIP LOCKED
), hastened AS (
    UPDATE flows.parked SET wake_at = statement_timestamp() WHERE ctid = ANY (ARRAY(SELECT place FROM locked))
    RETURNING 1
)
SELECT (SELECT count(*) FROM later) AS found, (SELECT count(*) FROM hastened) AS moved
