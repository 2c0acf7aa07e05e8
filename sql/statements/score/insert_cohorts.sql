-- The cohorts of a new run.
INSERT INTO score_cohort SELECT $score_run_id, * FROM made_cohort
