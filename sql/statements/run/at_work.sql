-- One row a run that may write.
SELECT run_id FROM run WHERE state = 'running'
