-- The rows of a score run that go to the store or are written again; its CDF stays.
DELETE FROM engagement_score WHERE score_run_id = $score_run_id
