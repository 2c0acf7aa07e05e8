UPDATE run SET state = $state, ended_at = $ended_at WHERE run_id = $run_id
