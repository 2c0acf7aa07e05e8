-- One row an element of the list that each file of the dump is.
CREATE OR REPLACE TEMP VIEW stage_line AS
SELECT filename AS url, json::VARCHAR AS line, json::VARCHAR AS json
FROM read_json_objects(
    getvariable('dump').files, format = 'array', filename = true, maximum_object_size = 16777216)
