-- One row a file ($files) that holds one body and was made at $observed_at; a byte order mark is no part of it.
INSERT INTO stage_page
SELECT $observed_at::TIMESTAMPTZ, filename, content, envelope_of(members_of(content), content)
FROM (SELECT filename, ltrim(content, chr(65279)) AS content FROM read_text($files))
