-- A committed shard, as its manifest has it.
INSERT INTO embedding_shard BY NAME SELECT * FROM incoming_shard
