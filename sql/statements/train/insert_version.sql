-- One row a published version; a known one is left as it is.
INSERT INTO model_version
SELECT $version, $training_set_id, $score_run_id, $encoder_id, $weights_sha256, $condition, $metrics, $created_at,
       $decision, $reason
WHERE NOT EXISTS (FROM model_version WHERE version = $version)
