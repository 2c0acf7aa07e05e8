-- One row a moment and check of a run, the gravest first.
SELECT moment, check_name, severity, verdict, violations, first, because
FROM check_result
WHERE run_id = $run_id
ORDER BY
    list_position(['blocked', 'accepted', 'warned', 'passed'], verdict),
    list_position(['ingest', 'score', 'train', 'snapshot'], moment),
    check_name
