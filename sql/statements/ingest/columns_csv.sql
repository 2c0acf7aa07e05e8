-- One row a column of a CSV file, in their order.
SELECT column_name FROM (DESCRIBE FROM read_csv($file, header = true, all_varchar = true, null_padding = true, max_line_size = 16777216))
