INSERT INTO encoder
SELECT $encoder_id, $source, $facts, $as_of WHERE NOT EXISTS (FROM encoder WHERE encoder_id = $encoder_id)
