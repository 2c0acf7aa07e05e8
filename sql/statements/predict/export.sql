-- One row a song: the predictions of a version, as they go to the store.
COPY (FROM prediction WHERE version = $version ORDER BY sha256) TO {{path}} (FORMAT parquet, COMPRESSION zstd)
