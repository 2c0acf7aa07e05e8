-- An unfinished fetch leaves the watermark alone and says where to go on, when it began and how far back it goes.
UPDATE ingest_state
SET
    resume_cursor = $cursor,
    started_at = CASE WHEN $cursor::VARCHAR IS NULL THEN NULL ELSE $started_at END,
    since = CASE WHEN $cursor::VARCHAR IS NULL THEN NULL ELSE $since END
WHERE source = $source
