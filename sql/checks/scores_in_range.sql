-- Block. One row a track and measure whose score is not within 0 to 100.
SELECT 'engagement_score' AS what, platform || '/' || track_id AS which
FROM engagement_score
WHERE score_streams NOT BETWEEN 0 AND 100 OR score_likes NOT BETWEEN 0 AND 100
ORDER BY which
