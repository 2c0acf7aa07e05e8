-- What tells a changed library file from the one that was verified: its modification time or ETag. Of a track without
-- audio: a digest of the library files that were all refused.
ALTER TABLE audio ADD COLUMN stamp VARCHAR;
