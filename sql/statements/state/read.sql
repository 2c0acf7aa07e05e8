-- At most one row: where a live source stands.
SELECT watermark, resume_cursor FROM ingest_state WHERE source = $source
