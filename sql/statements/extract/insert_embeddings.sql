-- A sha256 has one row an encoder: the first shard that brought it.
INSERT INTO embedding BY NAME
SELECT DISTINCT ON (i.sha256) i.*
FROM incoming_embedding AS i
WHERE NOT EXISTS (FROM embedding AS e WHERE e.encoder_id = i.encoder_id AND e.sha256 = i.sha256)
ORDER BY i.sha256, i.shard_id
