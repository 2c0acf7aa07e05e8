-- One row a platform and UTC day after $since: what was gained in plays and likes, on the day that it was seen. As
-- engagement_daily has it, summed, but without ranking a track's days one by one: the steps between observations add up
-- to the day's gain. The day a track was first seen gains nothing.
WITH seen AS (
    SELECT
        e.platform,
        t.rowid AS track,  -- a number: half as dear to sort by as platform and id
        e.observed_at,
        e.recorded_at,
        (e.observed_at AT TIME ZONE 'UTC')::DATE AS day,
        e.plays,
        e.likes
    FROM engagement AS e
    JOIN track AS t USING (platform, track_id)
),
step AS (
    SELECT
        platform,
        day,
        plays - lag(plays IGNORE NULLS) OVER looks AS plays_gained,
        likes - lag(likes IGNORE NULLS) OVER looks AS likes_gained,
        first_value(day) OVER looks AS first_day
    FROM seen
    WINDOW looks AS (PARTITION BY track ORDER BY observed_at, recorded_at)
)
SELECT
    platform,
    day,
    coalesce(sum(plays_gained), 0)::BIGINT AS plays,
    coalesce(sum(likes_gained), 0)::BIGINT AS likes
FROM step
WHERE day > first_day AND day > ($since AT TIME ZONE 'UTC')::DATE
GROUP BY platform, day
ORDER BY platform, day
