-- One row a platform and cell of 5 by 5 points: how many tracks have these two scores.
SELECT
    platform,
    least(floor(score_streams / 5), 19)::INTEGER AS streams_bin,
    least(floor(score_likes / 5), 19)::INTEGER AS likes_bin,
    count(*) AS tracks
FROM page_scored
WHERE is_scored AND score_streams IS NOT NULL AND score_likes IS NOT NULL
GROUP BY ALL
ORDER BY ALL
