-- One row a table or view that a query can name: what it is, and what its comment says.
SELECT if(database_name = 'vectors', 'vectors.', '') || name AS name, kind, coalesce(comment, '') AS comment
FROM (
    SELECT database_name, table_name AS name, 'table' AS kind, comment FROM duckdb_tables()
    UNION ALL
    SELECT database_name, view_name, 'view', comment FROM duckdb_views() WHERE NOT internal
)
WHERE database_name IN ('catalog', 'vectors')
ORDER BY kind DESC, name
