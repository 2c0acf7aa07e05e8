-- One row a target and decile of the champion's predictions on test tracks: the mean predicted and the mean true score.
WITH tested AS (
    SELECT platform, track_id, 'streams' AS measure, predicted_streams AS predicted, score_streams AS score
    FROM page_predicted
    WHERE split = 'test' AND NOT quarantined
    UNION ALL
    SELECT platform, track_id, 'likes', predicted_likes, score_likes
    FROM page_predicted
    WHERE split = 'test' AND NOT quarantined
),
placed AS (
    SELECT *, ntile(10) OVER (PARTITION BY measure ORDER BY predicted, platform, track_id) AS decile
    FROM tested
    WHERE predicted IS NOT NULL AND score IS NOT NULL
)
SELECT measure, decile, count(*) AS tracks, avg(predicted) AS predicted, avg(score) AS score
FROM placed
GROUP BY measure, decile
ORDER BY measure, decile
