-- One row a platform and UTC day since $since: what was gained in plays and likes, on the day that it was seen.
SELECT
    platform,
    day,
    coalesce(sum(plays_gained), 0)::BIGINT AS plays,
    coalesce(sum(likes_gained), 0)::BIGINT AS likes,
    count(*) FILTER (plays_gained IS NOT NULL OR likes_gained IS NOT NULL) AS tracks
FROM engagement_daily
WHERE day > ($since AT TIME ZONE 'UTC')::DATE
GROUP BY platform, day
HAVING tracks > 0
ORDER BY platform, day
