-- One row a run declared dead: the orchestrator says that it crashed, and it has not said itself how it ended.
UPDATE run SET state = 'crashed', ended_at = $ended_at WHERE flow_run = $flow_run AND state = 'running'
RETURNING run_id
