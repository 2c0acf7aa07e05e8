-- One row a track: the newest non-null count of each counter, ties broken by when it was recorded. Both times as one
-- number: arg_max by a struct of them takes twice as long.
CREATE OR REPLACE VIEW engagement_latest AS
SELECT
    platform,
    track_id,
    arg_max(plays, moment) FILTER (plays IS NOT NULL) AS plays,
    arg_max(likes, moment) FILTER (likes IS NOT NULL) AS likes,
    max(observed_at) AS observed_at,
    count(*) AS observations
FROM (
    SELECT *, epoch_us(observed_at)::HUGEINT * 1000000000000000000 + epoch_us(recorded_at) AS moment FROM engagement
)
GROUP BY platform, track_id;
COMMENT ON VIEW engagement_latest IS 'Latest plays and likes of each track.';
