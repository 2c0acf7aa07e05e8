-- One row a shard that the catalog knows.
SELECT shard_id FROM embedding_shard WHERE encoder_id = $encoder_id
