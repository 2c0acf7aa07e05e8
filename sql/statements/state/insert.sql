INSERT INTO ingest_state SELECT $source, NULL, NULL WHERE NOT EXISTS (FROM ingest_state WHERE source = $source)
