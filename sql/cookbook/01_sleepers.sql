-- Which songs do the few who hear them like, although hardly anybody plays them?
-- Read: of songs with enough plays to judge, those liked far better than played; gap is in percentile points.
-- Change: max_streams_percentile (how little played), min_plays (below it a rate says nothing), top.
WITH params AS (
    SELECT 0.6 AS max_streams_percentile, 10 AS min_plays, 10 AS top
)
SELECT
    platform,
    track_id,
    title,
    plays,
    likes,
    round(100.0 * likes / plays, 1) AS likes_per_100_plays,
    round(100 * streams_percentile, 1) AS streams_percentile,
    round(100 * likes_percentile, 1) AS likes_percentile,
    round(100 * (likes_percentile - streams_percentile), 1) AS gap
FROM scored_catalog, params
WHERE plays >= min_plays AND streams_percentile <= max_streams_percentile
  AND likes_percentile > streams_percentile
ORDER BY likes_percentile - streams_percentile DESC, platform, track_id
LIMIT (SELECT top FROM params);
