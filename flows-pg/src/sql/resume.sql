-- Ends a pause. $1 queue, $2 workflow, $3 version. Answers whether there was one.
-- Called by `resume`. People call the function by themselves. Locks the row of the pause.
-- Reads the small table `pauses` whole.
SELECT flows.resume($1, $2, $3) AS was_paused
