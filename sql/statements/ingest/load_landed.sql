-- One row a page of landed files ($files); it was observed when it was fetched.
INSERT INTO stage_page
SELECT fetched_at, url, body, envelope_of(members, body)
FROM (
    SELECT fetched_at, url, body, members_of(body) AS members
    FROM read_json(
        $files, format = 'newline_delimited', maximum_object_size = 134217728,
        columns = {page: 'BIGINT', url: 'VARCHAR', fetched_at: 'TIMESTAMPTZ', body: 'VARCHAR'}
    )
)
