-- One row a cohort and measure of run_cdf: the counts that reach given shares of the cohort, and the scores there.
WITH reached AS (
    SELECT *, sum(tracks) OVER (PARTITION BY cohort, measure ORDER BY count) / sum(tracks) OVER (PARTITION BY cohort, measure) AS share
    FROM run_cdf
)
SELECT
    cohort,
    measure,
    min(count) FILTER (share >= 0.1) AS p10,
    min(count) FILTER (share >= 0.5) AS p50,
    min(count) FILTER (share >= 0.9) AS p90,
    min(count) FILTER (share >= 0.99) AS p99,
    max(count) AS highest,
    min(score) FILTER (share >= 0.5) AS score_at_p50,
    min(score) FILTER (share >= 0.9) AS score_at_p90,
    min(score) FILTER (share >= 0.99) AS score_at_p99,
    max(score) AS score_at_highest
FROM reached
GROUP BY cohort, measure
ORDER BY cohort, measure DESC
