-- One row a stage and measure of the newest run that kept any: its id says flow and moment.
WITH newest AS (
    SELECT run_id
    FROM run_stat
    GROUP BY run_id
    ORDER BY regexp_extract(run_id, '-(\d{8}T\d{6}Z)-', 1) DESC, max(rowid) DESC
    LIMIT 1
)
SELECT run_id, stage, measure, value FROM run_stat SEMI JOIN newest USING (run_id) ORDER BY stage, measure
