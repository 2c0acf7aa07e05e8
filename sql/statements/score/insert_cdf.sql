-- The CDF of a new run.
INSERT INTO score_cdf SELECT $score_run_id, * FROM made_cdf
