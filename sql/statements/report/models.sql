-- One row a model version, the ten newest.
SELECT version, condition, created_at, decision, reason, streams_spearman, likes_spearman, test_tracks, is_champion
FROM model_history
LIMIT 10
