-- One row a sha256 of a shard.
INSERT INTO song_vector SELECT $encoder_id, sha256, mixed FROM incoming_vector
