DELETE FROM engagement_score WHERE score_run_id = $score_run_id
