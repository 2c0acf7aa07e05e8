-- One row a live source; a known one is left as it is.
INSERT INTO ingest_state (source) SELECT $source WHERE NOT EXISTS (FROM ingest_state WHERE source = $source)
