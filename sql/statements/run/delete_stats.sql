-- A stage that is recorded again replaces what was recorded of it.
DELETE FROM run_stat WHERE run_id = $run_id AND stage = $stage
