-- Which model families make the hits?
-- Read: hit_share is the share of a family's scored songs at or above the hit score; lift is it against the platform's.
-- Change: hit (score from which a song is a hit), min_tracks (smaller families are left out).
WITH params AS (
    SELECT 90 AS hit, 5 AS min_tracks
),
family AS (
    SELECT
        platform,
        coalesce(model_family, 'not stated') AS model_family,
        count(*) AS tracks,
        count(*) FILTER (score_streams >= hit) AS hits,
        median(score_streams) AS median_score
    FROM scored_catalog, params
    WHERE score_streams IS NOT NULL
    GROUP BY ALL
)
SELECT
    platform,
    model_family,
    tracks,
    hits,
    round(hits / tracks, 3) AS hit_share,
    round(hits / tracks / nullif(sum(hits) OVER whole / sum(tracks) OVER whole, 0), 2) AS lift,
    round(median_score, 1) AS median_score
FROM family, params
WINDOW whole AS (PARTITION BY platform)
QUALIFY tracks >= min_tracks
ORDER BY hit_share DESC, platform, model_family;
