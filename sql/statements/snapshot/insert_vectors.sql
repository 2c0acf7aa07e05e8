INSERT INTO song_vector SELECT $encoder_id, sha256, mixed FROM incoming_vector
