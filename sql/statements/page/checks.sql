-- One row a check of one run that found something.
SELECT check_name, severity, max(violations) AS violations, arg_max(first::VARCHAR, violations) AS first
FROM check_result
WHERE run_id = $run_id AND violations > 0
GROUP BY check_name, severity
ORDER BY severity, check_name
