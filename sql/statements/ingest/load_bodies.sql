-- One row a file ($files) that holds one body and was made at $observed_at.
INSERT INTO stage_page
SELECT $observed_at::TIMESTAMPTZ, filename, content, envelope_of(members_of(content), content)
FROM read_text($files)
