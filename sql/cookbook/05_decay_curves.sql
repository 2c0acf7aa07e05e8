-- How does interest fade: how many plays does a song gain a day at which age?
-- Read: average plays a song gains a day within an age band. Gains between two looks are spread evenly over the days
-- between, and the first look stands for all the time since publication: short nightly histories say little of youth.
-- Change: the bands (days).
WITH params AS (
    SELECT unnest([0, 1, 3, 7, 14, 30, 60, 120]) AS from_day, unnest([1, 3, 7, 14, 30, 60, 120, 1e6]) AS to_day
),
look AS (
    SELECT e.platform, e.track_id, epoch_us(e.observed_at - t.created_at) / 86400e6 AS age, max(e.plays) AS plays
    FROM engagement AS e
    JOIN eligible_track AS t USING (platform, track_id)
    WHERE e.plays IS NOT NULL AND e.observed_at > t.created_at
    GROUP BY ALL
    UNION ALL  -- a last look that found nothing changed
    SELECT platform, track_id, epoch_us(plays_at - created_at) / 86400e6, plays
    FROM scored_catalog
    WHERE eligible AND plays_at > observed_at AND observed_at > created_at
    UNION ALL
    SELECT DISTINCT e.platform, e.track_id, 0, 0
    FROM engagement AS e
    JOIN eligible_track AS t USING (platform, track_id)
    WHERE e.plays IS NOT NULL AND e.observed_at > t.created_at
),
span AS (
    SELECT
        platform,
        track_id,
        lag(age) OVER history AS from_age,
        age AS to_age,
        plays - lag(plays) OVER history AS gained
    FROM look
    WINDOW history AS (PARTITION BY platform, track_id ORDER BY age)
),
shared AS (
    SELECT
        platform,
        track_id,
        from_day,
        to_day,
        least(to_age, to_day) - greatest(from_age, from_day) AS days,
        gained * (least(to_age, to_day) - greatest(from_age, from_day)) / (to_age - from_age) AS gained
    FROM span
    JOIN params ON to_age > from_day AND from_age < to_day
    WHERE to_age > from_age
)
SELECT
    platform,
    from_day,
    if(to_day = 1e6, NULL, to_day)::INTEGER AS to_day,
    count(DISTINCT track_id) AS tracks,
    round(sum(days), 1) AS song_days,
    round(sum(gained) / sum(days), 2) AS plays_per_day
FROM shared
GROUP BY ALL
ORDER BY platform, from_day;
