-- One row a score run that is neither current nor the one before, and still has rows here. The one last published stays:
-- checks hold the current one against it (sql/statements/check/drift.sql).
SELECT r.score_run_id
FROM (SELECT score_run_id FROM score_run ORDER BY n DESC OFFSET 2) AS r
SEMI JOIN (
    SELECT score_run_id FROM engagement_score
    UNION
    SELECT score_run_id FROM score_cdf
    UNION
    SELECT score_run_id FROM score_cohort
) AS here USING (score_run_id)
ANTI JOIN (FROM publication ORDER BY n DESC LIMIT 1) AS published ON published.score_run_id = r.score_run_id
ORDER BY r.score_run_id
