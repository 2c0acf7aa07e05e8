-- A new run, with the next fencing token; a run of this id that was begun before goes on under the new one.
MERGE INTO run AS r
USING (SELECT $run_id AS run_id, coalesce(max(token), 0) + 1 AS token FROM run) AS i
    ON r.run_id = i.run_id
WHEN MATCHED THEN UPDATE SET
    flow = $flow, as_of = $as_of, token = i.token, state = 'running', host = $host, started_at = $started_at,
    ended_at = NULL, flow_run = $flow_run
WHEN NOT MATCHED THEN INSERT
    VALUES (i.run_id, $flow, $as_of, i.token, 'running', $host, $started_at, NULL, $flow_run)
