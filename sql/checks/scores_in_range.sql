-- One row a track and score run whose score is not within 0 to 100, or whose percentile is not within 0 to 1.
-- severity: block
-- when: score, snapshot
-- fix: look at [score] in the settings, correct it and run the night again; with sound settings it is a fault in
--   sql/statements/score.
SELECT
    'engagement_score' AS what,
    score_run_id || ' ' || platform || '/' || track_id AS which,
    concat_ws(', ', score_streams, score_likes, streams_percentile, likes_percentile) AS detail
FROM engagement_score
WHERE score_streams NOT BETWEEN 0 AND 100
    OR score_likes NOT BETWEEN 0 AND 100
    OR streams_percentile NOT BETWEEN 0 AND 1
    OR likes_percentile NOT BETWEEN 0 AND 1
ORDER BY which
