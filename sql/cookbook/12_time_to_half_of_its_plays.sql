-- How long does a song take to half of the plays it has now?
-- Read: days after publication, between two looks by a straight line. Songs that had half of them when first looked at
-- are not in the figures, only counted (past_at_first_look): the more of those, the more the days lean to slow songs.
-- Change: min_plays (a handful of plays has no meaningful half).
WITH params AS (
    SELECT 20 AS min_plays
),
look AS (
    SELECT
        c.platform,
        c.track_id,
        c.plays / 2 AS half,
        epoch_us(e.observed_at - c.created_at) / 86400e6 AS age,
        max(e.plays) AS plays
    FROM scored_catalog AS c
    JOIN engagement AS e USING (platform, track_id)
    CROSS JOIN params
    WHERE c.eligible AND c.plays >= min_plays AND e.plays IS NOT NULL AND e.observed_at >= c.created_at
    GROUP BY ALL
),
span AS (
    SELECT *, lag(age) OVER history AS age_before, lag(plays) OVER history AS plays_before
    FROM look
    WINDOW history AS (PARTITION BY platform, track_id ORDER BY age)
),
crossed AS (
    SELECT
        platform,
        track_id,
        arg_min(age_before + (age - age_before) * (half - plays_before) / (plays - plays_before), age) AS days
    FROM span
    WHERE plays >= half AND coalesce(plays_before < half, true)
    GROUP BY platform, track_id
)
SELECT
    platform,
    count(days) AS tracks,
    count(*) - count(days) AS past_at_first_look,
    round(quantile_cont(days, 0.25), 1) AS days_p25,
    round(median(days), 1) AS days_median,
    round(quantile_cont(days, 0.75), 1) AS days_p75
FROM crossed
GROUP BY platform
ORDER BY platform;
