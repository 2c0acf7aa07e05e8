-- One row a sha256 and encoder: the song vector under the authors' layer mix.
CREATE TABLE song_vector (encoder_id VARCHAR NOT NULL, sha256 VARCHAR NOT NULL, vector FLOAT[] NOT NULL)
