-- One row a word that a query may hold: columns as "table.column", keywords, and functions with their bracket.
SELECT if(database_name = 'vectors', 'vectors.', '') || table_name || '.' || column_name AS word, 'column' AS kind
FROM duckdb_columns()
WHERE database_name IN ('catalog', 'vectors')
UNION ALL
SELECT upper(keyword_name), 'keyword' FROM duckdb_keywords() WHERE keyword_category = 'reserved'
   OR keyword_name IN ('by', 'over', 'partition', 'filter', 'between', 'interval', 'left', 'inner', 'outer', 'join')
UNION ALL
SELECT DISTINCT function_name || '(', 'function' FROM duckdb_functions() WHERE regexp_full_match(function_name, '[a-z]\w+')
ORDER BY kind, word
