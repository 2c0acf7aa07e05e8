-- At most one row: the score run that is current.
CREATE OR REPLACE VIEW current_score_run AS
SELECT * FROM score_run ORDER BY n DESC LIMIT 1;

-- At most one row: the model version that the champion alias names.
CREATE OR REPLACE VIEW champion AS
SELECT v.* EXCLUDE (lineage, removed_at), a.n AS alias_n, a.set_at
FROM (SELECT * FROM model_alias WHERE alias = 'champion' ORDER BY n DESC LIMIT 1) AS a
JOIN model_version AS v USING (version);

-- At most one row: the encoder whose vectors are shown. Before the first champion that is the newest one.
CREATE OR REPLACE VIEW current_encoder AS
SELECT encoder_id
FROM (
    SELECT coalesce(
        (SELECT encoder_id FROM champion),
        (SELECT encoder_id FROM encoder ORDER BY first_used_at DESC, encoder_id LIMIT 1)
    ) AS encoder_id
)
WHERE encoder_id IS NOT NULL;
COMMENT ON VIEW current_encoder IS 'The encoder whose vectors are shown: at most one row.';
COMMENT ON COLUMN current_encoder.encoder_id IS 'The champion''s encoder; before the first champion the one first used last.';
COMMENT ON VIEW current_score_run IS 'The score run whose scores are current: at most one row.';
COMMENT ON COLUMN current_score_run.score_run_id IS 'The score run: hash of its definition and inputs.';
COMMENT ON COLUMN current_score_run.n IS 'Number of the run; the highest is current.';
COMMENT ON COLUMN current_score_run.definition IS 'How scores are made, all settings as JSON.';
COMMENT ON COLUMN current_score_run.as_of IS 'The moment that stood for now when it was scored.';
COMMENT ON COLUMN current_score_run.tracks IS 'How many tracks it scored.';
COMMENT ON COLUMN current_score_run.run_id IS 'The flow run that made it.';
COMMENT ON VIEW champion IS 'The model version that predicts: at most one row.';
COMMENT ON COLUMN champion.version IS 'Name of the model version, v<day>-<start of the hash of its weights>.';
COMMENT ON COLUMN champion.training_set_id IS 'The frozen training set it learnt from; null for a model from elsewhere.';
COMMENT ON COLUMN champion.score_run_id IS 'The score run whose scores it learnt; null for a model from elsewhere.';
COMMENT ON COLUMN champion.encoder_id IS 'The encoder whose vectors it reads.';
COMMENT ON COLUMN champion.weights_sha256 IS 'Hash of its weights.';
COMMENT ON COLUMN champion.condition IS 'How it was trained: mode/task/loss/shared layers.';
COMMENT ON COLUMN champion.metrics IS 'Metrics by split and target as JSON.';
COMMENT ON COLUMN champion.created_at IS 'When it was published.';
COMMENT ON COLUMN champion.decision IS 'promoted, refused or held, by the promotion gate; null when not decided.';
COMMENT ON COLUMN champion.reason IS 'The gate''s reason.';
COMMENT ON COLUMN champion.alias_n IS 'Number of the alias record that made it champion.';
COMMENT ON COLUMN champion.set_at IS 'When it became champion.';
