-- At most one row: the score run that is current.
CREATE OR REPLACE VIEW current_score_run AS
SELECT * FROM score_run ORDER BY n DESC LIMIT 1;

-- At most one row: the model version that the champion alias names.
CREATE OR REPLACE VIEW champion AS
SELECT v.*, a.n AS alias_n, a.set_at
FROM (SELECT * FROM model_alias WHERE alias = 'champion' ORDER BY n DESC LIMIT 1) AS a
JOIN model_version AS v USING (version);
COMMENT ON VIEW current_score_run IS 'The score run whose scores are current.';
COMMENT ON VIEW champion IS 'The model version that predicts.';
