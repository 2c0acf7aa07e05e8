-- One row a live source; a known one is left as it is.
INSERT INTO ingest_state SELECT $source, NULL, NULL WHERE NOT EXISTS (FROM ingest_state WHERE source = $source)
