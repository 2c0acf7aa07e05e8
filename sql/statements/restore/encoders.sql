-- One row an encoder that the catalog knows.
SELECT encoder_id FROM encoder
