-- At most one row: the run that began last.
SELECT run_id, as_of FROM run ORDER BY token DESC LIMIT 1
