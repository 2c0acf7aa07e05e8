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
    m.shard_id,
    r.as_of
FROM prediction AS p
JOIN model_version AS v USING (version)
JOIN embedding AS m ON m.encoder_id = v.encoder_id AND m.sha256 = p.sha256
JOIN audio AS a ON a.sha256 = p.sha256
LEFT JOIN score_run AS r ON r.score_run_id = v.score_run_id;
COMMENT ON VIEW model_history IS 'Published model versions, newest first; created_at stands for as_of.';
COMMENT ON COLUMN model_history.version IS 'Name of the model version, v<day>-<start of the hash of its weights>.';
COMMENT ON COLUMN model_history.condition IS 'How it was trained: mode/task/loss/shared layers.';
COMMENT ON COLUMN model_history.created_at IS 'When it was published.';
COMMENT ON COLUMN model_history.decision IS 'promoted, refused or held, by the promotion gate; null when not decided.';
COMMENT ON COLUMN model_history.reason IS 'The gate''s reason.';
COMMENT ON COLUMN model_history.streams_spearman IS 'Rank correlation of predicted and actual score_streams on its test tracks, -1 to 1; null when not measured.';
COMMENT ON COLUMN model_history.likes_spearman IS 'The same for score_likes.';
COMMENT ON COLUMN model_history.test_tracks IS 'How many test tracks that rests on; null when not measured.';
COMMENT ON COLUMN model_history.training_set_id IS 'The frozen training set it learnt from; null for a model from elsewhere.';
COMMENT ON COLUMN model_history.score_run_id IS 'The score run whose scores it learnt; null for a model from elsewhere.';
COMMENT ON COLUMN model_history.encoder_id IS 'The encoder whose vectors it reads.';
COMMENT ON COLUMN model_history.weights_sha256 IS 'Hash of its weights.';
COMMENT ON COLUMN model_history.is_champion IS 'Whether it predicts now.';
COMMENT ON VIEW lineage IS 'From a prediction to its model, training set, score run, encoder and shard: one row a track and model version that predicted it.';
COMMENT ON COLUMN lineage.platform IS 'suno or udio; with track_id the key of a track.';
COMMENT ON COLUMN lineage.track_id IS 'The platform''s id of the track; ids repeat across platforms.';
COMMENT ON COLUMN lineage.sha256 IS 'Hash of the audio that was heard.';
COMMENT ON COLUMN lineage.version IS 'Name of the model version, v<day>-<start of the hash of its weights>.';
COMMENT ON COLUMN lineage.weights_sha256 IS 'Hash of its weights.';
COMMENT ON COLUMN lineage.training_set_id IS 'The frozen training set it learnt from; null for a model from elsewhere.';
COMMENT ON COLUMN lineage.score_run_id IS 'The score run whose scores it learnt; null for a model from elsewhere.';
COMMENT ON COLUMN lineage.encoder_id IS 'The encoder whose vectors it reads.';
COMMENT ON COLUMN lineage.shard_id IS 'The shard under embeddings/<encoder_id>/ that holds the vector.';
COMMENT ON COLUMN lineage.as_of IS 'The moment that stood for now in the score run the model learnt from; null when that is not known.';
