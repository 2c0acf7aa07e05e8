-- content_of(…): the hash of what a record says of its track.
CREATE OR REPLACE TEMP MACRO content_of(
    status, title, creator_id, creator_name, created_at, duration_s, tags, lyrics, prompt, model_family, model_name,
    kind, state, is_public, audio_url, parent_id, root_id, extra
) AS
    hash(
        status, title, creator_id, creator_name, created_at, duration_s, tags, lyrics, prompt, model_family,
        model_name, kind, state, is_public, audio_url, parent_id, root_id, extra
    )
