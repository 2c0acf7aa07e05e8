-- One row a platform, measure and bin of 5 points of the current scores; -1: exactly zero, 100 counts to the last bin.
SELECT
    platform,
    measure,
    CASE WHEN score > 0 THEN least(floor(score / 5), 19)::INTEGER ELSE -1 END AS bin,
    count(*) AS tracks
FROM page_measured
WHERE is_scored AND score IS NOT NULL
GROUP BY ALL
ORDER BY ALL
