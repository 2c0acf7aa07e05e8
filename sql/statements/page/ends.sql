-- One row a test track, the $most that the champion predicts most ($sign 1) or least (-1) streams for, with what came.
WITH ends AS (
    SELECT *, score_streams - predicted_streams AS residual
    FROM page_predicted
    WHERE split = 'test' AND NOT quarantined AND predicted_streams IS NOT NULL AND score_streams IS NOT NULL
    ORDER BY $sign * predicted_streams DESC, platform, track_id
    LIMIT $most
)
SELECT e.platform, e.track_id, t.title, e.split, e.plays, e.score_streams AS score, e.predicted_streams AS predicted, e.residual
FROM ends AS e
LEFT JOIN track AS t USING (platform, track_id)
ORDER BY $sign * predicted DESC, e.platform, e.track_id
