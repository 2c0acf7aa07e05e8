-- A moment that is checked again replaces what was found then; results older than $keep_days go.
DELETE FROM check_result
WHERE (run_id = $run_id AND moment = $moment) OR as_of < $as_of - to_days(1) * $keep_days
