-- One row a cohort and measure, the largest cohorts: tracks in both score runs, those that came and went, and how far
-- the scores of those in both moved.
WITH largest AS (
    SELECT cohort FROM page_scored GROUP BY cohort ORDER BY count(*) DESC, cohort LIMIT $most
)
SELECT
    cohort,
    measure,
    count(*) FILTER (is_scored AND was_scored) AS stayed,
    count(*) FILTER (is_scored AND NOT was_scored) AS come,
    count(*) FILTER (was_scored AND NOT is_scored) AS gone,
    count(*) FILTER (abs(score - was_score) >= 1e-9) AS moved,
    avg(score - was_score) AS mean_move,
    quantile_cont(score - was_score, 0.05) AS move_05,
    quantile_cont(score - was_score, 0.95) AS move_95
FROM page_measured SEMI JOIN largest USING (cohort)
GROUP BY cohort, measure
HAVING count(score) + count(was_score) > 0
ORDER BY cohort, measure DESC
