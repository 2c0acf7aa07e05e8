-- One row a score run, cohort, measure and count at which the CDF falls, has no track, or leaves its range: more counts
-- never mean a lower percentile or score.
-- severity: block
-- when: score, snapshot
-- fix: go back to a good backup (`apex restore --backup STAMP --yes --set-aside`) and run the night again;
--   if a fresh score run breaks it too, it is a fault in sql/statements/score.
WITH stepped AS (
    SELECT
        *,
        lag(percentile) OVER steps AS percentile_before,
        lag(score) OVER steps AS score_before
    FROM score_cdf
    WINDOW steps AS (PARTITION BY score_run_id, cohort, measure ORDER BY count)
)
SELECT
    'score_cdf' AS what,
    concat_ws(' ', score_run_id, cohort, measure, count) AS which,
    CASE
        WHEN count < 0 THEN 'a negative count'
        WHEN tracks <= 0 THEN 'no track'
        WHEN percentile NOT BETWEEN 0 AND 1 THEN 'percentile ' || percentile
        WHEN score NOT BETWEEN 0 AND 100 THEN 'score ' || score
        WHEN percentile < percentile_before THEN 'percentile falls from ' || percentile_before || ' to ' || percentile
        ELSE 'score falls from ' || score_before || ' to ' || score
    END AS detail
FROM stepped
WHERE count < 0
    OR tracks <= 0
    OR percentile NOT BETWEEN 0 AND 1
    OR score NOT BETWEEN 0 AND 100
    OR percentile < percentile_before
    OR score < score_before
ORDER BY which
