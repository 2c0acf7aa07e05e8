-- One row a platform, measure and bin of 2 points: how far scores moved from the previous to the current run. Tracks
-- whose score stayed the same (to a billionth) have bin 99; moves beyond 40 points count to the outermost bins.
SELECT
    platform,
    measure,
    CASE WHEN abs(score - was_score) < 1e-9 THEN 99
         ELSE greatest(least(floor((score - was_score) / 2), 19), -20)::INTEGER END AS bin,
    count(*) AS tracks
FROM page_measured
WHERE is_scored AND was_scored AND score IS NOT NULL AND was_score IS NOT NULL
GROUP BY ALL
ORDER BY ALL
