-- One row a line of dumps ($files) that were made at $observed_at; blank lines are nothing. Read as text, so that a
-- line that is not JSON is a reject and not the end of the run.
INSERT INTO stage_page
SELECT $observed_at::TIMESTAMPTZ, filename, line, envelope_of(members, line)
FROM (
    SELECT filename, line, members_of(line) AS members
    FROM read_csv(
        $files, columns = {line: 'VARCHAR'}, header = false, auto_detect = false, filename = true,
        delim = chr(0), quote = '', escape = '', max_line_size = 16777216
    )
    WHERE trim(line) <> ''
)
