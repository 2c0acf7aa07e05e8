-- One row: how many blocks of the catalog's file are free, and how many there are.
SELECT free_blocks, total_blocks FROM pragma_database_size() WHERE database_name = current_database()
