-- What is taking off right now?
-- Read: songs by the plays they gain a day (last 7 days before the last look); share_of_plays is how much of all their
-- plays one such day brings. No rows before the second look.
-- Change: max_age_days, top.
WITH params AS (
    SELECT 60 AS max_age_days, 10 AS top
)
SELECT
    platform,
    track_id,
    title,
    round(age_days, 1) AS age_days,
    plays,
    round(plays_per_day, 2) AS plays_per_day,
    round(likes_per_day, 2) AS likes_per_day,
    round(plays_per_day / nullif(plays, 0), 4) AS share_of_plays
FROM scored_catalog AS c, params
WHERE c.plays_per_day > 0 AND age_days <= max_age_days AND eligible
ORDER BY c.plays_per_day DESC, platform, track_id
LIMIT (SELECT top FROM params);
