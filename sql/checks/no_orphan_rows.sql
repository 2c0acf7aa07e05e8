-- One row a row that names a track, score run, encoder, shard, training set or version the catalog does not have. There are
-- no foreign keys: this is in their place.
-- severity: block
-- when: ingest, score, snapshot
-- fix: go back to a good backup (`apex restore --backup STAMP --yes --set-aside`) and run the night again.
SELECT 'engagement' AS what, platform || '/' || track_id AS which, 'no such track' AS detail
FROM (SELECT DISTINCT platform, track_id FROM (SELECT platform, track_id FROM engagement ANTI JOIN track USING (platform, track_id)))
UNION ALL
SELECT 'audio', platform || '/' || track_id, 'no such track' FROM audio ANTI JOIN track USING (platform, track_id)
UNION ALL
SELECT 'aesthetic', platform || '/' || track_id, 'no such track'
FROM aesthetic ANTI JOIN track USING (platform, track_id)
UNION ALL
SELECT 'split', platform || '/' || track_id, 'no such track' FROM split ANTI JOIN track USING (platform, track_id)
UNION ALL
SELECT 'engagement_score', score_run_id || ' ' || platform || '/' || track_id, 'no such track'
FROM engagement_score ANTI JOIN track USING (platform, track_id)
UNION ALL
SELECT 'engagement_score', score_run_id, 'no such score run'
FROM (SELECT DISTINCT score_run_id FROM engagement_score) ANTI JOIN score_run USING (score_run_id)
UNION ALL
SELECT 'score_cdf', score_run_id, 'no such score run'
FROM (SELECT DISTINCT score_run_id FROM score_cdf) ANTI JOIN score_run USING (score_run_id)
UNION ALL
SELECT 'score_cohort', score_run_id, 'no such score run'
FROM (SELECT DISTINCT score_run_id FROM score_cohort) ANTI JOIN score_run USING (score_run_id)
UNION ALL
SELECT 'embedding', encoder_id || '/' || shard_id, 'no such shard'
FROM (SELECT DISTINCT encoder_id, shard_id FROM embedding) ANTI JOIN embedding_shard USING (encoder_id, shard_id)
UNION ALL
SELECT 'embedding_shard', encoder_id, 'no such encoder'
FROM (SELECT DISTINCT encoder_id FROM embedding_shard) ANTI JOIN encoder USING (encoder_id)
UNION ALL
SELECT 'prediction', version, 'no such version'
FROM (SELECT DISTINCT version FROM prediction) ANTI JOIN model_version USING (version)
UNION ALL
SELECT 'prediction', p.version || '/' || p.sha256, 'no vector it could rest on'
FROM prediction AS p
JOIN model_version AS v USING (version)
ANTI JOIN embedding AS e ON e.encoder_id = v.encoder_id AND e.sha256 = p.sha256
UNION ALL
SELECT 'model_alias', alias || '/' || n, 'no such version: ' || version
FROM model_alias ANTI JOIN model_version USING (version)
ORDER BY ALL
