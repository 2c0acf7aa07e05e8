-- Block. One row a row that names a track, a score run, an encoder or a version the catalog does not have.
SELECT 'engagement' AS what, platform || '/' || track_id AS which
FROM (SELECT DISTINCT platform, track_id FROM engagement) ANTI JOIN track USING (platform, track_id)
UNION ALL
SELECT 'audio', platform || '/' || track_id FROM audio ANTI JOIN track USING (platform, track_id)
UNION ALL
SELECT 'engagement_score', score_run_id
FROM (SELECT DISTINCT score_run_id FROM engagement_score) ANTI JOIN score_run USING (score_run_id)
UNION ALL
SELECT 'embedding', encoder_id
FROM (SELECT DISTINCT encoder_id FROM embedding) ANTI JOIN encoder USING (encoder_id)
UNION ALL
SELECT 'prediction', version
FROM (SELECT DISTINCT version FROM prediction) ANTI JOIN model_version USING (version)
ORDER BY ALL
