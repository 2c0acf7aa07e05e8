-- A run that passes again replaces its row; of rows older than $keep_days the newest stays.
DELETE FROM publication
WHERE run_id = $run_id
    OR (as_of < $as_of - to_days(1) * $keep_days AND n < (SELECT max(n) FROM publication))
