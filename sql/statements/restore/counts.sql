-- One row a table that a restore fills up, and how many rows it has.
SELECT 'tracks' AS what, count(*) AS rows FROM track
UNION ALL SELECT 'observations', count(*) FROM engagement
UNION ALL SELECT 'landed and referenced files', count(*) FROM landing
UNION ALL SELECT 'rejects, open', count(*) FROM reject WHERE resolved_at IS NULL
UNION ALL SELECT 'songs with audio', count(*) FROM audio WHERE state = 'available'
UNION ALL SELECT 'shards', count(*) FROM embedding_shard
UNION ALL SELECT 'vectors', count(*) FROM embedding WHERE state = 'embedded'
UNION ALL SELECT 'training sets', count(*) FROM training_set
UNION ALL SELECT 'sides of the split', count(*) FROM split
UNION ALL SELECT 'model versions', count(*) FROM model_version
UNION ALL SELECT 'decisions', count(*) FROM model_decision
UNION ALL SELECT 'alias records', count(*) FROM model_alias
UNION ALL SELECT 'holds and releases', count(*) FROM model_hold
UNION ALL SELECT 'forgotten', count(*) FROM forgotten
