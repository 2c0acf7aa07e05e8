DELETE FROM run_stat WHERE run_id = $run_id AND stage = $stage
