-- The scored catalog for everyone who does not run this DuckDB.
COPY (FROM scored_catalog ORDER BY platform, track_id) TO {{path}} (FORMAT parquet, COMPRESSION zstd)
