"""The statement that an ingest is measured against: DuckDB reads the file into a flat table, and that is all."""

# What the catalog keeps of a clip, as flat columns; what cannot be read is null.
BARE = """
SELECT
    id, title, status, user_id, display_name, handle, created_at, major_model_version, model_name, audio_url,
    is_public, is_trashed, play_count, upvote_count, metadata.tags AS tags, metadata.prompt AS lyrics,
    metadata.gpt_description_prompt AS prompt, metadata.type AS kind, metadata.duration AS duration
FROM read_json($file, format = 'newline_delimited', ignore_errors = true, columns = {
    id: 'VARCHAR', title: 'VARCHAR', status: 'VARCHAR', user_id: 'VARCHAR', display_name: 'VARCHAR', handle: 'VARCHAR',
    created_at: 'VARCHAR', major_model_version: 'VARCHAR', model_name: 'VARCHAR', audio_url: 'VARCHAR',
    is_public: 'BOOLEAN', is_trashed: 'BOOLEAN', play_count: 'BIGINT', upvote_count: 'BIGINT',
    metadata: 'STRUCT(tags VARCHAR, prompt VARCHAR, gpt_description_prompt VARCHAR, type VARCHAR, duration DOUBLE)'
})
"""
