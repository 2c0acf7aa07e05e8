-- One row a published model version: its test metrics, what was decided about it last and why, where it comes from, and
-- whether it is champion.
CREATE OR REPLACE VIEW model_history AS
SELECT
    v.version,
    v.condition,
    v.created_at,
    coalesce(d.outcome, v.decision) AS decision,
    coalesce(array_to_string(d.reasons, '; '), v.reason) AS reason,
    d.champion AS compared_with,
    d.decided_by,
    (v.metrics -> '$.test.score_streams.spearman')::DOUBLE AS streams_spearman,
    (v.metrics -> '$.test.score_likes.spearman')::DOUBLE AS likes_spearman,
    (v.metrics -> '$.test.score_streams.n')::BIGINT AS test_tracks,
    v.training_set_id,
    v.score_run_id,
    v.encoder_id,
    (v.lineage -> '$.shards')::VARCHAR[] AS training_shards,
    v.weights_sha256,
    v.lineage ->> '$.apex' AS apex_version,
    v.lineage ->> '$.code' AS code_version,
    v.removed_at,
    v.version IS NOT DISTINCT FROM (SELECT version FROM champion) AS is_champion
FROM model_version AS v
LEFT JOIN (SELECT * FROM model_decision QUALIFY n = max(n) OVER (PARTITION BY version)) AS d USING (version)
ORDER BY v.created_at DESC, v.version;

-- One row a track and model version that predicted it: what the prediction rests on, from song to weights and code.
CREATE OR REPLACE VIEW lineage AS
SELECT
    a.platform,
    a.track_id,
    p.sha256,
    p.version,
    v.weights_sha256,
    v.condition,
    v.training_set_id,
    v.score_run_id,
    v.encoder_id,
    v.lineage ->> '$.encoder_weights_sha256' AS encoder_weights_sha256,
    m.shard_id,
    v.lineage ->> '$.apex' AS apex_version,
    v.lineage ->> '$.code' AS code_version,
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
COMMENT ON COLUMN model_history.decision IS 'promoted, refused or held, by the promotion gate or a person; null when not decided.';
COMMENT ON COLUMN model_history.reason IS 'Every reason of the last decision about it; table model_decision has them all, one a row.';
COMMENT ON COLUMN model_history.compared_with IS 'The champion it was compared with, on its own test tracks; null when there was none, or nothing was decided.';
COMMENT ON COLUMN model_history.decided_by IS 'The run that decided, or the person.';
COMMENT ON COLUMN model_history.streams_spearman IS 'Rank correlation of predicted and actual score_streams on its test tracks, -1 to 1; null when not measured.';
COMMENT ON COLUMN model_history.likes_spearman IS 'The same for score_likes.';
COMMENT ON COLUMN model_history.test_tracks IS 'How many test tracks that rests on; null when not measured.';
COMMENT ON COLUMN model_history.training_set_id IS 'The frozen training set it learnt from; null for a model from elsewhere.';
COMMENT ON COLUMN model_history.score_run_id IS 'The score run whose scores it learnt; null for a model from elsewhere.';
COMMENT ON COLUMN model_history.encoder_id IS 'The encoder whose vectors it reads.';
COMMENT ON COLUMN model_history.weights_sha256 IS 'Hash of its weights.';
COMMENT ON COLUMN model_history.training_shards IS 'The shards under embeddings/<encoder_id>/ that hold the vectors it learnt from; null for a model from elsewhere.';
COMMENT ON COLUMN model_history.apex_version IS 'The release of apex that made it; null for older ones.';
COMMENT ON COLUMN model_history.code_version IS 'Hash of the code that made it, as it was installed: edited code has another one.';
COMMENT ON COLUMN model_history.removed_at IS 'When its files were removed from the store; null while they are there.';
COMMENT ON COLUMN model_history.is_champion IS 'Whether it predicts now.';
COMMENT ON VIEW lineage IS 'From a prediction to its model, training set, score run, encoder and shard: one row a track and model version that predicted it.';
COMMENT ON COLUMN lineage.platform IS 'suno or udio; with track_id the key of a track.';
COMMENT ON COLUMN lineage.track_id IS 'The platform''s id of the track; ids repeat across platforms.';
COMMENT ON COLUMN lineage.sha256 IS 'Hash of the audio that was heard.';
COMMENT ON COLUMN lineage.version IS 'Name of the model version, v<day>-<start of the hash of its weights>.';
COMMENT ON COLUMN lineage.weights_sha256 IS 'Hash of its weights.';
COMMENT ON COLUMN lineage.condition IS 'How it was trained: mode/task/loss/shared layers.';
COMMENT ON COLUMN lineage.training_set_id IS 'The frozen training set it learnt from; null for a model from elsewhere.';
COMMENT ON COLUMN lineage.score_run_id IS 'The score run whose scores it learnt; null for a model from elsewhere.';
COMMENT ON COLUMN lineage.encoder_id IS 'The encoder whose vectors it reads.';
COMMENT ON COLUMN lineage.encoder_weights_sha256 IS 'Hash of the encoder''s weights; null for a model from elsewhere.';
COMMENT ON COLUMN lineage.shard_id IS 'The shard under embeddings/<encoder_id>/ that holds the vector.';
COMMENT ON COLUMN lineage.apex_version IS 'The release of apex that made the model; null for older ones.';
COMMENT ON COLUMN lineage.code_version IS 'Hash of the code that made the model, as it was installed.';
COMMENT ON COLUMN lineage.as_of IS 'The moment that stood for now in the score run the model learnt from; null when that is not known.';
