-- The cohorts of a run that was retired before there were cohorts to keep; they were platforms then.
INSERT INTO {{made}}
SELECT
    s.score_run_id, s.cohort, m.measure, s.platform, NULL, NULL,
    count(CASE m.measure WHEN 'streams' THEN s.plays ELSE s.likes END),
    count(*) FILTER (CASE m.measure WHEN 'streams' THEN s.plays ELSE s.likes END = 0),
    count(*) FILTER (CASE m.measure WHEN 'streams' THEN s.plays ELSE s.likes END IS NULL)
FROM {{source}} AS s
CROSS JOIN (VALUES ('streams'), ('likes')) AS m (measure)
GROUP BY ALL
