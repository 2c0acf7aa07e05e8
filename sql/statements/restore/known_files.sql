-- One row a file of a source that was taken in: its hash, and of when its counts are.
SELECT sha256, observed_at FROM landing WHERE source = $source
