-- Says how the dump's table is written: its delimiter, and its columns by the names of the platform's fields.
SET VARIABLE csv = {delimiter: $delimiter::VARCHAR, columns: $columns}
