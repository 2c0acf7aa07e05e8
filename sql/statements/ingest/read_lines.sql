-- One row a line of the dump, blank ones too. Read as text, so that a line that is not JSON is a reject and not the end
-- of the run; one that is no text goes to dump_error.
CREATE OR REPLACE TEMP VIEW stage_line AS
SELECT filename AS url, line, CASE WHEN json_valid(line) THEN line END AS json
FROM read_csv(
    getvariable('dump').files, columns = {line: 'VARCHAR'}, header = false, auto_detect = false, filename = true,
    delim = chr(0), quote = '', escape = '', new_line = '\n', strict_mode = false, parallel = true,
    max_line_size = 16777216, buffer_size = 67108864, store_rejects = true, rejects_table = 'dump_error',
    rejects_scan = 'dump_scan'
)
