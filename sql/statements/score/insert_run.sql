-- A new score run, which becomes the current one.
INSERT INTO score_run
SELECT $score_run_id, (SELECT coalesce(max(n), 0) + 1 FROM score_run), $definition, $as_of, count(*), $run_id
FROM score_input
