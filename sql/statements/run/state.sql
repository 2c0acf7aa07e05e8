-- One row: is this run still allowed to write?
SELECT state FROM run WHERE run_id = $run_id
