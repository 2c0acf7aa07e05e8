-- One row a platform, measure and bin of the latest counts as they were scored: four bins a power of ten; -1: zeros.
SELECT
    platform,
    measure,
    CASE WHEN count > 0 THEN floor(log10(count) * 4)::INTEGER ELSE -1 END AS bin,
    count(*) AS tracks
FROM page_measured
WHERE is_scored AND count IS NOT NULL
GROUP BY ALL
ORDER BY ALL
