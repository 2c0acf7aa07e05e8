-- One row a column of a table or view, in their order there.
SELECT column_name AS name, data_type AS type, coalesce(comment, '') AS comment
FROM duckdb_columns()
WHERE database_name IN ('catalog', 'vectors') AND lower($name) IN (table_name, database_name || '.' || table_name)
ORDER BY table_name, column_index
