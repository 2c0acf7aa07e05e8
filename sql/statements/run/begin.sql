-- A new run, with the next fencing token.
INSERT INTO run
SELECT $run_id, $flow, $as_of, coalesce(max(token), 0) + 1, 'running', $host, $started_at, NULL FROM run
