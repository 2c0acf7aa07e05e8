-- One row a row of the table that the dump's one file is. A line that is no row of it goes to dump_error.
CREATE OR REPLACE TEMP VIEW stage_line AS
SELECT getvariable('dump').files[1] AS url, to_json(dump_row)::VARCHAR AS line, line AS json
FROM read_csv(
    getvariable('dump').files, columns = getvariable('csv').columns, delim = getvariable('csv').delimiter,
    auto_detect = false, header = true, quote = '"', escape = '"', nullstr = '', null_padding = true,
    store_rejects = true, rejects_table = 'dump_error', rejects_scan = 'dump_scan', max_line_size = 16777216,
    parallel = false
) AS dump_row
