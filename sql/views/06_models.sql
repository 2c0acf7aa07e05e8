-- One row a published model version, with its test metrics and whether it is or was champion.
CREATE OR REPLACE VIEW model_history AS
SELECT
    v.version,
    v.condition,
    v.created_at,
    v.decision,
    v.reason,
    (v.metrics -> '$.test.score_streams.spearman')::DOUBLE AS streams_spearman,
    (v.metrics -> '$.test.score_likes.spearman')::DOUBLE AS likes_spearman,
    (v.metrics -> '$.test.score_streams.n')::BIGINT AS test_tracks,
    v.training_set_id,
    v.score_run_id,
    v.encoder_id,
    v.weights_sha256,
    v.version IS NOT DISTINCT FROM (SELECT version FROM champion) AS is_champion
FROM model_version AS v
ORDER BY v.created_at DESC, v.version;

-- One row a prediction of the champion: what it rests on, from song to weights.
CREATE OR REPLACE VIEW lineage AS
SELECT
    a.platform,
    a.track_id,
    p.sha256,
    p.version,
    v.weights_sha256,
    v.training_set_id,
    v.score_run_id,
    v.encoder_id,
    m.shard_id
FROM prediction AS p
JOIN model_version AS v USING (version)
JOIN embedding AS m ON m.encoder_id = v.encoder_id AND m.sha256 = p.sha256
JOIN audio AS a ON a.sha256 = p.sha256;
COMMENT ON VIEW model_history IS 'Published model versions, newest first.';
COMMENT ON VIEW lineage IS 'From a prediction to its model, training set, score run, encoder and shard.';
