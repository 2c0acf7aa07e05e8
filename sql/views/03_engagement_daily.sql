-- One row a track and UTC day with an observation: the day's last counts and the change since the day observed before.
CREATE OR REPLACE VIEW engagement_daily AS
WITH day AS (
    SELECT
        platform,
        track_id,
        day,
        arg_max(plays, moment) FILTER (plays IS NOT NULL) AS plays,
        arg_max(likes, moment) FILTER (likes IS NOT NULL) AS likes
    FROM (
        SELECT
            *,
            (observed_at AT TIME ZONE 'UTC')::DATE AS day,
            epoch_us(observed_at)::HUGEINT * 1000000000000000000 + epoch_us(recorded_at) AS moment
        FROM engagement
    )
    GROUP BY platform, track_id, day
)
SELECT
    *,
    plays - lag(plays IGNORE NULLS) OVER track_days AS plays_gained,
    likes - lag(likes IGNORE NULLS) OVER track_days AS likes_gained
FROM day
WINDOW track_days AS (PARTITION BY platform, track_id ORDER BY day);
COMMENT ON VIEW engagement_daily IS 'Counts by track and UTC day with an observation, with the gain since the day observed before. It knows neither a score run nor a model.';
COMMENT ON COLUMN engagement_daily.platform IS 'suno or udio; with track_id the key of a track.';
COMMENT ON COLUMN engagement_daily.track_id IS 'The platform''s id of the track; ids repeat across platforms.';
COMMENT ON COLUMN engagement_daily.day IS 'Day in UTC, whatever time zone the reader has; days on which no counter changed have no row.';
COMMENT ON COLUMN engagement_daily.plays IS 'Last count of plays stated that day; null when only likes were stated.';
COMMENT ON COLUMN engagement_daily.likes IS 'Last count of likes stated that day; null when only plays were stated.';
COMMENT ON COLUMN engagement_daily.plays_gained IS 'Plays since the day before with a count, which may lie several days back; negative where the platform corrected its counter; null on the first day.';
COMMENT ON COLUMN engagement_daily.likes_gained IS 'Likes since the day before with a count; as plays_gained.';
