-- Temp table, one row a cohort and measure: whom counts are compared with.
CREATE OR REPLACE TEMP TABLE made_cohort AS
SELECT
    i.cohort,
    m.measure,
    i.platform,
    CASE WHEN $by_age THEN age_band_of(any_value(i.age_days), $edges) END AS age_band,
    CASE WHEN $by_family THEN coalesce(any_value(i.model_family), 'unknown') END AS model_family,
    CASE m.measure WHEN 'streams' THEN count(i.plays) ELSE count(i.likes) END AS tracks,
    CASE m.measure WHEN 'streams' THEN count(*) FILTER (i.plays = 0) ELSE count(*) FILTER (i.likes = 0) END AS zeros,
    count(*) - CASE m.measure WHEN 'streams' THEN count(i.plays) ELSE count(i.likes) END AS missing
FROM score_input AS i
CROSS JOIN (VALUES ('streams'), ('likes')) AS m (measure)
GROUP BY i.cohort, i.platform, m.measure
ORDER BY i.cohort, m.measure DESC
