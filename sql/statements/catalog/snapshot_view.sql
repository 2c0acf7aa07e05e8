-- One row if the snapshot that is open has the view $name.
SELECT 1 FROM duckdb_views() WHERE database_name = 'catalog' AND view_name = $name
