-- One row a moment and check of one run, also of those that found nothing.
SELECT moment, check_name, severity, verdict, violations, array_to_string(first, ', ') AS first
FROM check_result
WHERE run_id = $run_id
ORDER BY verdict = 'passed', violations DESC, check_name, moment
