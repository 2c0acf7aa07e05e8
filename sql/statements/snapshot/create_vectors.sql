-- One row a sha256 and encoder: the song vector under the authors' layer mix. FLOAT[], since encoders differ in width;
-- list_cosine_similarity over it is as fast as array_cosine_similarity over FLOAT[768], and faster than casting to that.
CREATE TABLE song_vector (encoder_id VARCHAR NOT NULL, sha256 VARCHAR NOT NULL, vector FLOAT[] NOT NULL)
