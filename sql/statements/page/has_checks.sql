-- One row: does this snapshot show what its checks found?
SELECT count(*) > 0 FROM duckdb_tables() WHERE database_name = 'catalog' AND table_name = 'check_result'
