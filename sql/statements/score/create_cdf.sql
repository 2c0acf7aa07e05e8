-- Temp table, one row a cohort, measure and distinct count: its percentile among the cohort and its score (FACTS:
-- mid-rank, power). Working on distinct counts is exact and far cheaper than ranking rows, since ties are heavy.
CREATE OR REPLACE TEMP TABLE made_cdf AS
WITH ranked AS (
    SELECT
        *,
        sum(tracks) OVER (PARTITION BY cohort, measure ORDER BY count) - tracks AS below,
        sum(tracks) OVER (PARTITION BY cohort, measure) AS total
    FROM made_tied
    WHERE count IS NOT NULL AND NOT ($zeros = 'exclude' AND count = 0)
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
    cohort,
    measure,
    count,
    tracks,
    percentile,
    CASE WHEN $zeros = 'zero' AND count = 0 THEN 0 ELSE 100 * percentile ** $gamma END AS score
FROM placed
ORDER BY cohort, measure, count
