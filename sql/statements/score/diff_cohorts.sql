-- One row a cohort (of the later run) and measure, over tracks that both runs score: how far scores moved, and the rank
-- correlation (Spearman: Pearson of average ranks); null where one of the two has no spread.
WITH paired AS (
    SELECT b.cohort, m.measure,
        CASE m.measure WHEN 'streams' THEN a.score_streams ELSE a.score_likes END AS before,
        CASE m.measure WHEN 'streams' THEN b.score_streams ELSE b.score_likes END AS after
    FROM before_scores AS a
    JOIN after_scores AS b USING (platform, track_id)
    CROSS JOIN (VALUES ('streams'), ('likes')) AS m (measure)
),
ranked AS (
    SELECT *,
        rank() OVER (PARTITION BY cohort, measure ORDER BY before)
            + (count(*) OVER (PARTITION BY cohort, measure, before) - 1) / 2 AS rank_before,
        rank() OVER (PARTITION BY cohort, measure ORDER BY after)
            + (count(*) OVER (PARTITION BY cohort, measure, after) - 1) / 2 AS rank_after
    FROM paired
    WHERE before IS NOT NULL AND after IS NOT NULL
)
SELECT
    cohort,
    measure,
    count(*) AS tracks,
    count(*) FILTER (before <> after) AS moved,
    avg(after - before) AS mean_move,
    avg(abs(after - before)) AS mean_distance,
    max(abs(after - before)) AS greatest,
    CASE WHEN count(DISTINCT before) > 1 AND count(DISTINCT after) > 1 THEN corr(rank_before, rank_after) END
        AS rank_correlation
FROM ranked
GROUP BY cohort, measure
ORDER BY cohort, measure DESC
