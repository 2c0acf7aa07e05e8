INSERT INTO embedding_shard BY NAME SELECT * FROM incoming_shard
