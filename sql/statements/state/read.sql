-- At most one row: where a live source stands.
SELECT watermark, resume_cursor, started_at, since, full_listed_at, landed_since FROM ingest_state WHERE source = $source
