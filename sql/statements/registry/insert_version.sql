-- One row a published version; a known one is left as it is.
INSERT INTO model_version BY NAME
SELECT
    $version AS version,
    $training_set_id AS training_set_id,
    $score_run_id AS score_run_id,
    $encoder_id AS encoder_id,
    $weights_sha256 AS weights_sha256,
    $condition AS condition,
    $metrics AS metrics,
    $lineage AS lineage,
    $created_at AS created_at,
    $decision AS decision,
    $reason AS reason
WHERE NOT EXISTS (FROM model_version WHERE version = $version)
