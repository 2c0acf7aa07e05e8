-- The rows of a run as a Parquet file, in a fixed order.
COPY (FROM {{made}} ORDER BY ALL) TO {{path}} (FORMAT parquet, COMPRESSION zstd)
