-- said_at(time, …): the time for every field that says something.
CREATE OR REPLACE TEMP MACRO said_at(
    moment,
    status, title, creator_id, creator_name, created_at, duration_s, tags, lyrics, prompt, model_family, model_name,
    kind, state, is_public, audio_url, parent_id, root_id, extra
) AS
    struct_pack(
        status := CASE WHEN status IS NOT NULL THEN moment END, title := CASE WHEN title IS NOT NULL THEN moment END,
        creator_id := CASE WHEN creator_id IS NOT NULL THEN moment END,
        creator_name := CASE WHEN creator_name IS NOT NULL THEN moment END,
        created_at := CASE WHEN created_at IS NOT NULL THEN moment END,
        duration_s := CASE WHEN duration_s IS NOT NULL THEN moment END,
        tags := CASE WHEN tags IS NOT NULL THEN moment END, lyrics := CASE WHEN lyrics IS NOT NULL THEN moment END,
        prompt := CASE WHEN prompt IS NOT NULL THEN moment END,
        model_family := CASE WHEN model_family IS NOT NULL THEN moment END,
        model_name := CASE WHEN model_name IS NOT NULL THEN moment END,
        kind := CASE WHEN kind IS NOT NULL THEN moment END, state := CASE WHEN state IS NOT NULL THEN moment END,
        is_public := CASE WHEN is_public IS NOT NULL THEN moment END,
        audio_url := CASE WHEN audio_url IS NOT NULL THEN moment END,
        parent_id := CASE WHEN parent_id IS NOT NULL THEN moment END,
        root_id := CASE WHEN root_id IS NOT NULL THEN moment END,
        extra := CASE WHEN extra IS NOT NULL THEN moment END
    )
