-- The rows of one run, from the catalog or from what the store has of it; columns that an old file lacks are null.
INSERT INTO {{made}} BY NAME SELECT * FROM {{source}} WHERE score_run_id = $score_run_id
