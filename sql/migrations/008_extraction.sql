-- How a shard was computed, as its manifest says it; null where an older one does not.
ALTER TABLE embedding_shard ADD COLUMN wall_s DOUBLE;           -- from the shard before to this one's commit
ALTER TABLE embedding_shard ADD COLUMN wait_s DOUBLE;           -- of that, waiting for decoded audio
ALTER TABLE embedding_shard ADD COLUMN encode_s DOUBLE;         -- of that, in the encoder
ALTER TABLE embedding_shard ADD COLUMN host VARCHAR;
ALTER TABLE embedding_shard ADD COLUMN torch VARCHAR;
ALTER TABLE embedding_shard ADD COLUMN batch_segments INTEGER;
ALTER TABLE embedding_shard ADD COLUMN bytes BIGINT;            -- of its Parquet files
