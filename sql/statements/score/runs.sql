-- One row a score run, newest first; here: its rows are in the catalog, else in the store.
SELECT
    r.score_run_id,
    r.as_of,
    r.tracks,
    (SELECT count(DISTINCT cohort) FROM score_cdf AS c WHERE c.score_run_id = r.score_run_id) AS cohorts,
    EXISTS (FROM engagement_score AS s WHERE s.score_run_id = r.score_run_id) AS here,
    r.definition
FROM score_run AS r
ORDER BY r.n DESC
