-- One row a score run that is neither current nor the one before, and still has rows here.
SELECT r.score_run_id
FROM (SELECT score_run_id FROM score_run ORDER BY n DESC OFFSET 2) AS r
WHERE EXISTS (FROM engagement_score AS s WHERE s.score_run_id = r.score_run_id)
