-- What the live connectors remember between runs, besides the watermark and the cursor.
-- The start of the fetch that left resume_cursor: the watermark, once that fetch is complete.
ALTER TABLE ingest_state ADD COLUMN started_at TIMESTAMPTZ;
-- How far back that fetch goes; null: to the end.
ALTER TABLE ingest_state ADD COLUMN since TIMESTAMPTZ;
-- The start of the last fetch that went to the end and was complete.
ALTER TABLE ingest_state ADD COLUMN full_listed_at TIMESTAMPTZ;
-- The as_of of the newest run that may have landed files without merging them.
ALTER TABLE ingest_state ADD COLUMN landed_since TIMESTAMPTZ;
