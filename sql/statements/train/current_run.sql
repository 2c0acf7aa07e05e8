-- At most one row: the id of the current score run.
SELECT score_run_id FROM current_score_run
