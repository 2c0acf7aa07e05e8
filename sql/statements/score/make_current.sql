-- The inputs are again what they were in an older run: it becomes the current one.
UPDATE score_run
SET n = (SELECT max(n) + 1 FROM score_run), as_of = $as_of
WHERE score_run_id = $score_run_id
