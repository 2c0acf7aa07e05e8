-- One row an offender that results of checks name.
SELECT DISTINCT unnest(first) AS offender FROM check_result
