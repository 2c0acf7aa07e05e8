-- One row a track, the $most whose streams score lies furthest above ($sign 1) or below (-1) what its audio promises.
WITH furthest AS (
    SELECT *, score_streams - predicted_streams AS residual
    FROM page_predicted
    WHERE $sign * (score_streams - predicted_streams) > 0
    ORDER BY $sign * residual DESC, platform, track_id
    LIMIT $most
)
SELECT f.platform, f.track_id, t.title, f.split, f.plays, f.score_streams AS score, f.predicted_streams AS predicted, f.residual
FROM furthest AS f
LEFT JOIN track AS t USING (platform, track_id)
ORDER BY $sign * residual DESC, f.platform, f.track_id
