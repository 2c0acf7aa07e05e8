-- One row an encoder; a known one is left as it is.
INSERT INTO encoder
SELECT $encoder_id, $source, $facts, $as_of WHERE NOT EXISTS (FROM encoder WHERE encoder_id = $encoder_id)
