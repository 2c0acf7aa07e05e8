-- One row a cohort and measure of the run loaded as run_*.
SELECT * EXCLUDE (score_run_id) FROM run_cohorts ORDER BY cohort, measure DESC
