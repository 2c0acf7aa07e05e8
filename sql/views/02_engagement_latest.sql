-- One row a track: the newest non-null count of each counter, ties broken by when it was recorded.
CREATE OR REPLACE VIEW engagement_latest AS
SELECT
    platform,
    track_id,
    arg_max(plays, (observed_at, recorded_at)) FILTER (plays IS NOT NULL) AS plays,
    arg_max(likes, (observed_at, recorded_at)) FILTER (likes IS NOT NULL) AS likes,
    max(observed_at) AS observed_at,
    count(*) AS observations
FROM engagement
GROUP BY platform, track_id;
COMMENT ON VIEW engagement_latest IS 'Latest plays and likes of each track.';
