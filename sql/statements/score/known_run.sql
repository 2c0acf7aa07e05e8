-- Two flags in one row: is there a run of this id, and is it the current one?
SELECT
    EXISTS (FROM score_run WHERE score_run_id = $score_run_id),
    EXISTS (FROM current_score_run WHERE score_run_id = $score_run_id)
