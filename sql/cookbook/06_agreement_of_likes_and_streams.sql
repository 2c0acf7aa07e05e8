-- Do likes and streams say the same of a song?
-- Read: Spearman's rank correlation (ties share their average rank), 1: the same order, 0: nothing in common; once for
-- all songs with both counts and once for those that were played at all.
-- Change: min_plays (of the second figure).
WITH params AS (
    SELECT 1 AS min_plays
),
chosen AS (
    SELECT platform, 'all songs' AS songs, plays, likes
    FROM scored_catalog
    WHERE eligible AND plays IS NOT NULL AND likes IS NOT NULL
    UNION ALL
    SELECT platform, 'played', plays, likes
    FROM scored_catalog, params
    WHERE eligible AND plays >= min_plays AND likes IS NOT NULL
),
ranked AS (
    SELECT
        *,
        rank() OVER (PARTITION BY platform, songs ORDER BY plays)
            + (count(*) OVER (PARTITION BY platform, songs, plays) - 1) / 2 AS streams_rank,
        rank() OVER (PARTITION BY platform, songs ORDER BY likes)
            + (count(*) OVER (PARTITION BY platform, songs, likes) - 1) / 2 AS likes_rank
    FROM chosen
)
SELECT platform, songs, count(*) AS tracks, round(corr(streams_rank, likes_rank), 4) AS spearman
FROM ranked
GROUP BY platform, songs
ORDER BY platform, songs;
