-- One row a row of the table that the dump's one file is, its {{columns}} named as the platform's fields.
CREATE OR REPLACE TEMP VIEW stage_line AS
WITH dump_row ({{columns}}) AS (
    FROM read_parquet(getvariable('dump').files)
)
SELECT getvariable('dump').files[1] AS url, to_json(dump_row)::VARCHAR AS line, line AS json FROM dump_row
