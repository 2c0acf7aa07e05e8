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
ORDER BY ALL
