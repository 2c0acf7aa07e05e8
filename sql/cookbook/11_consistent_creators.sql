-- Which creators have hits again and again, and not one lucky strike?
-- Read: weakest is the lowest score among the creator's best hits_wanted songs: high means that many did well.
-- Change: hits_wanted (songs that must all have done well), top.
WITH params AS (
    SELECT 3 AS hits_wanted, 10 AS top
),
ranked AS (
    SELECT
        *, row_number() OVER (PARTITION BY platform, creator_id ORDER BY score_streams DESC, track_id) AS place
    FROM scored_catalog
    WHERE score_streams IS NOT NULL AND creator_id IS NOT NULL
)
SELECT
    platform,
    creator_id,
    any_value(creator_name) AS creator_name,
    count(*) AS tracks,
    round(min(score_streams) FILTER (place <= hits_wanted), 1) AS weakest,
    round(max(score_streams), 1) AS best,
    round(median(score_streams), 1) AS median_score,
    sum(plays)::BIGINT AS plays
FROM ranked, params
GROUP BY platform, creator_id, hits_wanted, top
HAVING count(*) >= hits_wanted
ORDER BY weakest DESC, platform, creator_id
LIMIT (SELECT top FROM params);
