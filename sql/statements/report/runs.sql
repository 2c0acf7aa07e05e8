-- One row a flow: its last run, in the live catalog (a snapshot is taken in the middle of one).
SELECT DISTINCT ON (flow) flow, state, run_id, as_of, ended_at, host
FROM run
ORDER BY flow, token DESC
