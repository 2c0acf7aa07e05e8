-- One row a model version, the $most newest, oldest first.
FROM (
    SELECT version, condition, created_at, decision, reason, streams_spearman, likes_spearman, test_tracks, is_champion
    FROM model_history
    ORDER BY created_at DESC, version DESC
    LIMIT $most
)
ORDER BY created_at, version
