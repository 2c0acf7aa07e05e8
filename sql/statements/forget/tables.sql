-- One row a table and the column that says whose a row is: track_id, or sha256 where that is the song's. Read off the
-- schema, so that a table of later days is not left out.
SELECT t.table_name, CASE WHEN bool_or(c.column_name = 'track_id') THEN 'track_id' ELSE 'sha256' END AS whose
FROM duckdb_tables() AS t
JOIN duckdb_columns() AS c USING (database_name, schema_name, table_name)
WHERE NOT t.temporary AND t.table_name <> 'landing'
GROUP BY t.table_name
HAVING bool_or(c.column_name IN ('track_id', 'sha256'))
ORDER BY t.table_name
