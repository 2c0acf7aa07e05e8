-- What one table has of a score run that goes to the store, or is written again.
DELETE FROM {{table}} WHERE score_run_id = $score_run_id
