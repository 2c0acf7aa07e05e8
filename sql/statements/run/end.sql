-- The end of a run, in its own row.
UPDATE run SET state = $state, ended_at = $ended_at WHERE run_id = $run_id
