-- One row a cohort, measure and distinct count: its percentile among the cohort and its score (FACTS: mid-rank, power).
-- Working on distinct counts is exact and far cheaper than ranking rows, since ties are heavy.
INSERT INTO score_cdf
WITH measured AS (
    SELECT cohort, 'streams' AS measure, plays AS count FROM score_input WHERE plays IS NOT NULL
    UNION ALL
    SELECT cohort, 'likes', likes FROM score_input WHERE likes IS NOT NULL
),
tied AS (
    SELECT cohort, measure, count, count(*) AS tracks
    FROM measured
    WHERE NOT ($zeros = 'exclude' AND count = 0)
    GROUP BY ALL
),
ranked AS (
    SELECT
        *,
        sum(tracks) OVER (PARTITION BY cohort, measure ORDER BY count) - tracks AS below,
        sum(tracks) OVER (PARTITION BY cohort, measure) AS total
    FROM tied
),
placed AS (
    SELECT
        *,
        CASE $percentile
            WHEN 'midrank' THEN (below + tracks / 2) / total
            WHEN 'cume_dist' THEN (below + tracks) / total
            WHEN 'percent_rank' THEN CASE WHEN total = 1 THEN 0 ELSE below / (total - 1) END
        END AS percentile
    FROM ranked
)
SELECT
    $score_run_id,
    cohort,
    measure,
    count,
    tracks,
    percentile,
    CASE WHEN $zeros = 'zero' AND count = 0 THEN 0 ELSE 100 * percentile ** $gamma END AS score
FROM placed
ORDER BY cohort, measure, count
