-- Block. One row a table and key that stands there more than once: there are no constraints, merges must see to it.
SELECT 'track' AS what, platform || '/' || track_id AS which FROM track GROUP BY ALL HAVING count(*) > 1
UNION ALL
SELECT 'audio', platform || '/' || track_id FROM audio GROUP BY ALL HAVING count(*) > 1
UNION ALL
SELECT 'embedding', encoder_id || '/' || sha256 FROM embedding GROUP BY ALL HAVING count(*) > 1
UNION ALL
SELECT 'prediction', version || '/' || sha256 FROM prediction GROUP BY ALL HAVING count(*) > 1
UNION ALL
SELECT 'split', platform || '/' || track_id FROM split GROUP BY ALL HAVING count(*) > 1
UNION ALL
SELECT 'engagement_score', score_run_id || '/' || platform || '/' || track_id
FROM engagement_score GROUP BY ALL HAVING count(*) > 1
UNION ALL
SELECT 'embedding_shard', encoder_id || '/' || shard_id FROM embedding_shard GROUP BY ALL HAVING count(*) > 1
UNION ALL
SELECT 'score_run', score_run_id FROM score_run GROUP BY score_run_id HAVING count(*) > 1
UNION ALL
SELECT 'training_set', training_set_id FROM training_set GROUP BY training_set_id HAVING count(*) > 1
UNION ALL
SELECT 'model_version', version FROM model_version GROUP BY version HAVING count(*) > 1
UNION ALL
SELECT 'model_alias', alias || '/' || n FROM model_alias GROUP BY alias, n HAVING count(*) > 1
ORDER BY ALL
