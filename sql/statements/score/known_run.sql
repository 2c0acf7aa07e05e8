-- Three flags in one row: is there a run of this id, is it the current one, and is there any run?
SELECT
    EXISTS (FROM score_run WHERE score_run_id = $score_run_id),
    EXISTS (FROM current_score_run WHERE score_run_id = $score_run_id),
    EXISTS (FROM score_run)
