-- How do the platforms compare: how much is played, how unevenly, and how readily is it liked?
-- Read: top_share is the share of all plays that goes to the most played songs (top_tracks of them, 0.1 = a tenth).
-- Change: top_tracks.
WITH params AS (
    SELECT 0.1 AS top_tracks
),
counted AS (
    SELECT *, percent_rank() OVER (PARTITION BY platform ORDER BY plays DESC) AS place
    FROM scored_catalog
    WHERE eligible AND plays IS NOT NULL
)
SELECT
    platform,
    count(*) AS tracks,
    round(median(age_days), 1) AS median_age_days,
    median(plays) AS median_plays,
    round(quantile_cont(plays, 0.9), 1) AS plays_p90,
    round(count(*) FILTER (plays = 0) / count(*), 3) AS never_played,
    round(sum(plays) FILTER (place < top_tracks) / nullif(sum(plays), 0), 3) AS top_share,
    round(100 * sum(likes) / nullif(sum(plays) FILTER (likes IS NOT NULL), 0), 2) AS likes_per_100_plays
FROM counted, params
GROUP BY platform, top_tracks
ORDER BY platform;
