-- One row a track and UTC day with an observation: the day's last counts and the change since the day observed before.
CREATE OR REPLACE VIEW engagement_daily AS
WITH day AS (
    SELECT
        platform,
        track_id,
        (observed_at AT TIME ZONE 'UTC')::DATE AS day,
        arg_max(plays, (observed_at, recorded_at)) FILTER (plays IS NOT NULL) AS plays,
        arg_max(likes, (observed_at, recorded_at)) FILTER (likes IS NOT NULL) AS likes
    FROM engagement
    GROUP BY ALL
)
SELECT
    *,
    plays - lag(plays) OVER track_days AS plays_gained,
    likes - lag(likes) OVER track_days AS likes_gained
FROM day
WINDOW track_days AS (PARTITION BY platform, track_id ORDER BY day);
COMMENT ON VIEW engagement_daily IS 'Counts by track and day, with the gain since the day observed before.';
