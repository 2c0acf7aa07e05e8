-- One row: has the catalog rows of this run?
SELECT EXISTS (FROM engagement_score WHERE score_run_id = $score_run_id)
