-- Earlier runs of a flow that only one process may run at a time: whoever still says running is dead.
UPDATE run SET state = 'crashed' WHERE flow = $flow AND state = 'running'
