-- Which styles do better, or worse, than their sound promises?
-- Read: mean residual in points (score minus prediction) of the songs with a tag, with its standard error: within two
-- of those around zero there is nothing to see. A song counts for each of its tags.
-- Change: min_tracks, top (of each end).
WITH params AS (
    SELECT 8 AS min_tracks, 5 AS top
),
tagged AS (
    SELECT DISTINCT platform, track_id, residual_streams, unnest(tags) AS tag
    FROM scored_catalog
    WHERE residual_streams IS NOT NULL
),
by_tag AS (
    SELECT
        tag,
        count(*) AS tracks,
        avg(residual_streams) AS mean_residual,
        stddev_samp(residual_streams) / sqrt(count(*)) AS standard_error
    FROM tagged
    GROUP BY tag
    HAVING count(*) >= (SELECT min_tracks FROM params)
)
SELECT tag, tracks, round(mean_residual, 2) AS mean_residual, round(standard_error, 2) AS standard_error
FROM by_tag, params
QUALIFY row_number() OVER (ORDER BY by_tag.mean_residual DESC, tag) <= top
     OR row_number() OVER (ORDER BY by_tag.mean_residual, tag) <= top
ORDER BY by_tag.mean_residual DESC, tag;
