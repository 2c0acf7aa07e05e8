-- Which songs sound like hits to the model but are hardly played?
-- Read: residual is score minus prediction in points; the most negative first. Old songs had their chance: see age_days.
-- Change: min_predicted (what sounds like a hit), max_age_days, top.
WITH params AS (
    SELECT 60 AS min_predicted, 365 AS max_age_days, 10 AS top
)
SELECT
    platform,
    track_id,
    title,
    round(age_days, 1) AS age_days,
    plays,
    round(score_streams, 1) AS score_streams,
    round(predicted_streams, 1) AS predicted_streams,
    round(residual_streams, 1) AS residual_streams
FROM scored_catalog, params
WHERE predicted_streams >= min_predicted AND age_days <= max_age_days AND residual_streams < 0
ORDER BY scored_catalog.residual_streams, platform, track_id
LIMIT (SELECT top FROM params);
