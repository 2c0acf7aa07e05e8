-- When the champion says 70, is it 70?
-- Read: tracks in bins of equal size by prediction; bias is the mean score minus the mean prediction, positive where
-- the champion says too little. On the test split alone: it has learnt the others.
-- Change: bins, side (test, val or train).
WITH params AS (
    SELECT 10 AS bins, 'test' AS side
),
binned AS (
    SELECT
        ntile((SELECT bins FROM params)) OVER (ORDER BY predicted_streams, platform, track_id) AS bin,
        predicted_streams,
        score_streams
    FROM scored_catalog, params
    WHERE split = side AND NOT quarantined AND predicted_streams IS NOT NULL AND score_streams IS NOT NULL
)
SELECT
    bin,
    count(*) AS tracks,
    round(min(predicted_streams), 1) AS from_predicted,
    round(max(predicted_streams), 1) AS to_predicted,
    round(avg(predicted_streams), 2) AS mean_predicted,
    round(avg(score_streams), 2) AS mean_score,
    round(avg(score_streams) - avg(predicted_streams), 2) AS bias
FROM binned
GROUP BY bin
ORDER BY bin;
