-- Reads what is paused, the longest first.
-- Called by `pauses`. Locks nothing. Reads the small table `pauses` whole.
SELECT p.queue AS paused_queue, p.workflow AS paused_workflow, p.version AS paused_version, p.reason AS paused_why,
       p.author AS paused_by, p.paused_at
FROM flows.pauses p
ORDER BY p.paused_at, p.pause_id
