-- One row a column of a Parquet file, in their order.
SELECT column_name FROM (DESCRIBE FROM read_parquet($file))
