-- An unfinished fetch leaves the watermark alone and says where to go on.
UPDATE ingest_state SET resume_cursor = $cursor WHERE source = $source
