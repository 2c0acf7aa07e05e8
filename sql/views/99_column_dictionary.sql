-- One row a column of a public view: its type and what it means. The last view: it tells of all others. A view's columns
-- are told in its own database alone: an analyst's connection has the vectors beside the catalog.
CREATE OR REPLACE VIEW column_dictionary AS
SELECT v.view_name, v.comment AS view_comment, c.column_index AS position, c.column_name, c.data_type, c.comment
FROM duckdb_views() AS v
JOIN duckdb_columns() AS c
    ON c.database_name = v.database_name AND c.schema_name = v.schema_name AND c.table_name = v.view_name
WHERE NOT v.internal
ORDER BY v.view_name, c.column_index;
COMMENT ON VIEW column_dictionary IS 'What the columns of the public views mean: one row a view and column.';
COMMENT ON COLUMN column_dictionary.view_name IS 'The view.';
COMMENT ON COLUMN column_dictionary.view_comment IS 'What the view says, and what one row of it is.';
COMMENT ON COLUMN column_dictionary.position IS 'Place of the column, from 1.';
COMMENT ON COLUMN column_dictionary.column_name IS 'The column.';
COMMENT ON COLUMN column_dictionary.data_type IS 'Its DuckDB type.';
COMMENT ON COLUMN column_dictionary.comment IS 'What it means: unit, and when it is null.';
