-- One row a platform: the rank correlation of plays and likes over tracks that have both; ties share their mean rank.
-- Ranks are taken of distinct counts, as in score/insert_cdf.
WITH pair AS (
    SELECT platform, plays, likes, count(*) AS tracks
    FROM page_scored
    WHERE is_scored AND plays IS NOT NULL AND likes IS NOT NULL
    GROUP BY ALL
),
ranked AS (
    SELECT
        platform,
        tracks,
        sum(tracks) OVER by_plays - sum(tracks) OVER same_plays / 2 AS plays_rank,
        sum(tracks) OVER by_likes - sum(tracks) OVER same_likes / 2 AS likes_rank
    FROM pair
    WINDOW
        by_plays AS (PARTITION BY platform ORDER BY plays),
        same_plays AS (PARTITION BY platform, plays),
        by_likes AS (PARTITION BY platform ORDER BY likes),
        same_likes AS (PARTITION BY platform, likes)
),
moments AS (
    SELECT
        platform,
        sum(tracks)::DOUBLE AS n,
        sum(tracks * plays_rank) AS x,
        sum(tracks * likes_rank) AS y,
        sum(tracks * plays_rank * plays_rank) AS xx,
        sum(tracks * likes_rank * likes_rank) AS yy,
        sum(tracks * plays_rank * likes_rank) AS xy
    FROM ranked
    GROUP BY platform
)
SELECT
    platform,
    n::BIGINT AS tracks,
    CASE WHEN n * xx > x * x AND n * yy > y * y
        THEN (n * xy - x * y) / sqrt(n * xx - x * x) / sqrt(n * yy - y * y) END AS spearman
FROM moments
ORDER BY platform
