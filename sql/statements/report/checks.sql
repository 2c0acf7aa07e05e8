-- One row a check and moment: what it found when it last ran, worst first.
SELECT moment, check_name, severity, verdict, violations, first, as_of
FROM (SELECT DISTINCT ON (moment, check_name) * FROM check_result ORDER BY moment, check_name, as_of DESC, run_id)
ORDER BY list_position(['blocked', 'accepted', 'warned', 'passed'], verdict), check_name, moment
