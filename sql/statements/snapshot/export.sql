-- A public view for everyone who does not run this DuckDB; sorted, so that who asks for a few tracks reads little.
COPY (FROM {{view}} ORDER BY ALL) TO {{path}} (FORMAT parquet, COMPRESSION zstd)
