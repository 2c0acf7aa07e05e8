-- How readily are songs liked once they are played, by platform and model family?
-- Read: likes per 100 plays of all songs of a family together, and of its median song.
-- Change: min_plays (of a song that counts for the median), min_tracks.
WITH params AS (
    SELECT 10 AS min_plays, 5 AS min_tracks
)
SELECT
    platform,
    coalesce(model_family, 'not stated') AS model_family,
    count(*) AS tracks,
    sum(plays)::BIGINT AS plays,
    sum(likes)::BIGINT AS likes,
    round(100 * sum(likes) / nullif(sum(plays), 0), 2) AS likes_per_100_plays,
    round(median(100.0 * likes / plays) FILTER (plays >= min_plays), 2) AS median_song
FROM scored_catalog, params
WHERE eligible AND plays IS NOT NULL AND likes IS NOT NULL
GROUP BY platform, model_family, min_plays, min_tracks
HAVING count(*) >= min_tracks
ORDER BY likes_per_100_plays DESC NULLS LAST, platform, model_family;
