-- Ingest at dump scale: most records repeat what the last one said, and most files are known.

-- The hash of a row's fields where all of them were said at last_observed_at; seen is then null. Else null.
ALTER TABLE track ADD COLUMN content UBIGINT;

-- When a counter was last stated, where that was not at last_observed_at ('epoch': never). A look that says nothing of
-- a counter must not be taken for one that confirms it.
ALTER TABLE track ADD COLUMN plays_at TIMESTAMPTZ;
ALTER TABLE track ADD COLUMN likes_at TIMESTAMPTZ;

-- What came of a file, so that the identical file need not be read again: records in it, its bytes, and the version of
-- the contract that read it (null: not known; read it again).
ALTER TABLE landing ADD COLUMN records BIGINT;
ALTER TABLE landing ADD COLUMN rejected BIGINT;
ALTER TABLE landing ADD COLUMN bytes BIGINT;
ALTER TABLE landing ADD COLUMN contract VARCHAR;
