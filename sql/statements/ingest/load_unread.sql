-- One row a line that could not even be read: not UTF-8, longer than 16 MB, or of more columns than its table has.
INSERT INTO stage_page
SELECT DISTINCT getvariable('dump').moment, s.file_path, e.csv_line, 'unreadable_line'
FROM dump_error AS e
JOIN dump_scan AS s USING (scan_id, file_id)
