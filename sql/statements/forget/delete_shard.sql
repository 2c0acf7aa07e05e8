-- A shard of which nothing was left.
DELETE FROM embedding_shard WHERE encoder_id = $encoder_id AND shard_id = $shard_id
