-- One row a row of the table that the dump's one file is, its {{columns}} named as the platform's fields. A line that
-- is no row of it goes to dump_error.
CREATE OR REPLACE TEMP VIEW stage_line AS
WITH dump_row ({{columns}}) AS (
    FROM read_csv(
        getvariable('dump').files, header = true, all_varchar = true, nullstr = '', null_padding = true, store_rejects = true,
        rejects_table = 'dump_error', rejects_scan = 'dump_scan', max_line_size = 16777216, parallel = false)
)
SELECT getvariable('dump').files[1] AS url, to_json(dump_row)::VARCHAR AS line, line AS json FROM dump_row
