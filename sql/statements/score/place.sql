-- One row a row of placing_counts, in its order: its cohort, and where a stored run's CDF has its counts.
-- A count that the run knows has the run's own score. Any other has as percentile the share of the cohort's tracks with
-- fewer, whatever the method: that is what the method's neighbours on both sides leave room for, so scores stay
-- monotone; below the lowest count it is 0, beyond the highest 1. A measure of which the cohort has no count has none.
WITH asked AS (
    SELECT
        *,
        cohort_of(platform, age_days, model_family, $edges, $by_age, $by_family) AS cohort
    FROM placing_counts
),
measured AS (
    SELECT place, cohort, 'streams' AS measure, plays AS count FROM asked WHERE plays IS NOT NULL
    UNION ALL
    SELECT place, cohort, 'likes', likes FROM asked WHERE likes IS NOT NULL
),
known AS (
    SELECT
        *,
        sum(tracks) OVER (PARTITION BY cohort, measure ORDER BY count) AS reached,
        sum(tracks) OVER (PARTITION BY cohort, measure) AS total
    FROM {{cdf}}
),
located AS (
    SELECT
        m.place, m.cohort, m.measure, m.count,
        CASE
            WHEN t.total IS NULL OR (m.count = 0 AND $zeros = 'exclude') THEN NULL
            WHEN k.count = m.count THEN k.percentile
            ELSE coalesce(k.reached, 0) / t.total
        END AS percentile
    FROM measured AS m
    LEFT JOIN (SELECT DISTINCT cohort, measure, total FROM known) AS t USING (cohort, measure)
    ASOF LEFT JOIN known AS k ON m.cohort = k.cohort AND m.measure = k.measure AND m.count >= k.count
),
scored AS (
    SELECT
        *,
        CASE WHEN $zeros = 'zero' AND count = 0 AND percentile IS NOT NULL THEN 0 ELSE 100 * percentile ** $gamma END
            AS score
    FROM located
)
SELECT
    a.* EXCLUDE (place),
    s.percentile AS streams_percentile,
    l.percentile AS likes_percentile,
    s.score AS score_streams,
    l.score AS score_likes
FROM asked AS a
LEFT JOIN scored AS s ON s.place = a.place AND s.measure = 'streams'
LEFT JOIN scored AS l ON l.place = a.place AND l.measure = 'likes'
ORDER BY a.place
