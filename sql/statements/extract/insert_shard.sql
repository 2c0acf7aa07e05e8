-- One row a shard, the view "incoming_shard"; one that another run has adopted meanwhile stays as it is.
INSERT INTO embedding_shard BY NAME
SELECT i.*
FROM incoming_shard AS i
WHERE NOT EXISTS (FROM embedding_shard AS s WHERE s.encoder_id = i.encoder_id AND s.shard_id = i.shard_id)
