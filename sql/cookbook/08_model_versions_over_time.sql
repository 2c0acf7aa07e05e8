-- How have the models done over time, and which of them was let through?
-- Read: Spearman on each version's own test tracks; change is against the version published before. Versions that were
-- tested on other tracks are comparable only roughly: see test_tracks.
-- Change: since.
WITH params AS (
    SELECT TIMESTAMPTZ '2000-01-01' AS since
)
SELECT
    created_at,
    version,
    decision,
    reason,
    is_champion,
    test_tracks,
    round(streams_spearman, 4) AS streams_spearman,
    round(streams_spearman - lag(streams_spearman) OVER (ORDER BY created_at, version), 4) AS streams_change,
    round(likes_spearman, 4) AS likes_spearman,
    round(likes_spearman - lag(likes_spearman) OVER (ORDER BY created_at, version), 4) AS likes_change
FROM model_history, params
WHERE created_at >= since
ORDER BY created_at, version;
