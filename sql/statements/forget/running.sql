-- One row a run that says it is at work.
SELECT run_id FROM run WHERE state = 'running' AND run_id <> $run_id ORDER BY started_at
