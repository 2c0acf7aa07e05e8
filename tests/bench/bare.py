"""The statement that an ingest is measured against: DuckDB reads the file into a flat table, and that is all."""

# The fields of a clip that the catalog is made from, as flat typed columns; what cannot be read is null, unasked.
BARE = """
SELECT
    id, entity_type, status, is_trashed, is_hidden, is_public, title, user_id, display_name, handle, created_at,
    major_model_version, model_name, audio_url, play_count, upvote_count, clip_roots, unnest(metadata)
FROM read_json($file, format = 'newline_delimited', ignore_errors = true, columns = {
    id: 'VARCHAR', entity_type: 'VARCHAR', status: 'VARCHAR', is_trashed: 'BOOLEAN', is_hidden: 'BOOLEAN',
    is_public: 'BOOLEAN', title: 'VARCHAR', user_id: 'VARCHAR', display_name: 'VARCHAR', handle: 'VARCHAR',
    created_at: 'TIMESTAMPTZ', major_model_version: 'VARCHAR', model_name: 'VARCHAR', audio_url: 'VARCHAR',
    play_count: 'BIGINT', upvote_count: 'BIGINT', clip_roots: 'JSON',
    metadata: 'STRUCT(
        tags VARCHAR, prompt VARCHAR, gpt_description_prompt VARCHAR, type VARCHAR, task VARCHAR, duration DOUBLE,
        history JSON, concat_history JSON, audio_prompt_id VARCHAR, cover_clip_id VARCHAR, edited_clip_id VARCHAR,
        stem_from_id VARCHAR, upsample_clip_id VARCHAR, remaster_clip_id VARCHAR, speed_clip_id VARCHAR)'
})
"""
