-- Temp table, one row a track that is scored and that the champion has predicted.
CREATE OR REPLACE TEMP TABLE page_predicted AS
SELECT
    s.platform,
    s.track_id,
    s.plays,
    s.likes,
    s.score_streams,
    s.score_likes,
    p.score_streams AS predicted_streams,
    p.score_likes AS predicted_likes,
    coalesce(x.split, 'none') AS split,
    coalesce(x.quarantined, false) AS quarantined
FROM page_scored AS s
JOIN audio AS a USING (platform, track_id)
JOIN prediction AS p ON p.sha256 = a.sha256 AND p.version = (SELECT version FROM champion)
LEFT JOIN split AS x USING (platform, track_id)
WHERE s.is_scored
