-- One row: is this run still allowed to write, and under which token?
SELECT state, token FROM run WHERE run_id = $run_id
