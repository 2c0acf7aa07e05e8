-- One row a line: a clip about which nothing is odd, typed in one pass, or the line in odd, for suno_row.sql to look at
-- closely. For what both take, both say the same.
INSERT INTO stage_clean
WITH parsed AS (
    SELECT
        url, line,
        json_transform(json, '{
            "id": "VARCHAR", "entity_type": "VARCHAR", "status": "VARCHAR", "is_trashed": "VARCHAR",
            "is_hidden": "VARCHAR", "is_public": "VARCHAR", "title": "VARCHAR", "user_id": "VARCHAR",
            "display_name": "VARCHAR", "handle": "VARCHAR", "created_at": "VARCHAR",
            "major_model_version": "VARCHAR", "model_name": "VARCHAR", "audio_url": "VARCHAR",
            "play_count": "VARCHAR", "upvote_count": "VARCHAR", "clip_roots": "JSON",
            "metadata": {
                "tags": "VARCHAR", "prompt": "VARCHAR", "gpt_description_prompt": "VARCHAR", "type": "VARCHAR",
                "task": "VARCHAR", "duration": "VARCHAR", "history": "JSON", "concat_history": "JSON",
                "audio_prompt_id": "JSON", "cover_clip_id": "JSON", "edited_clip_id": "JSON", "stem_from_id": "JSON",
                "upsample_clip_id": "JSON", "remaster_clip_id": "JSON", "speed_clip_id": "JSON", "clip_roots": "JSON"
            }
        }') AS raw,
        (raw).metadata AS meta,
        list_contains(getvariable('known_keys'), hash(json_keys(json, ['$', '$.metadata']))) AS is_known
    FROM stage_line
),
typed AS (
    SELECT
        url, line, raw, meta, is_known,
        raw.id AS track_id,
        CASE WHEN raw.is_trashed = 'true' THEN 'unavailable' ELSE 'active' END AS status,
        words(raw.title) AS title,
        nullif(raw.user_id, '') AS creator_id,
        coalesce(words(raw.display_name), words(raw.handle)) AS creator_name,
        instant(raw.created_at) AS created_at,
        nullif(try_cast(meta.duration AS DOUBLE), 0) AS duration_s,
        commas(meta.tags) AS tags,
        words(meta.prompt) AS lyrics,
        words(meta.gpt_description_prompt) AS prompt,
        nullif(raw.major_model_version, '') AS model_family,
        nullif(raw.model_name, '') AS model_name,
        CASE WHEN meta.task = 'gen_stem' THEN 'stem' ELSE nullif(meta.type, '') END AS kind,
        CASE
            WHEN raw.status IN ('complete', 'error') THEN raw.status
            WHEN raw.status IN ('submitted', 'queued', 'streaming') THEN 'unfinished'
        END AS state,
        CASE WHEN raw.is_hidden = 'true' OR raw.is_public = 'false' THEN false WHEN raw.is_public = 'true' THEN true END
            AS is_public,
        CASE WHEN NOT ends_with(raw.audio_url, '/None.mp3')
            THEN nullif(regexp_extract(raw.audio_url, '^https?://[^\s]+$'), '') END AS audio_url,
        nullif(parent_of(meta), track_id) AS parent_id,
        nullif(root_of(raw.clip_roots, meta), track_id) AS root_id,
        try_cast(raw.play_count AS BIGINT) AS plays,
        try_cast(raw.upvote_count AS BIGINT) AS likes
    FROM parsed
)
SELECT
    url, track_id, status, title, creator_id, creator_name, created_at, duration_s, tags, lyrics, prompt, model_family,
    model_name, kind, state, is_public, audio_url, parent_id, root_id, plays, likes,
    CASE
        WHEN is_known
            AND regexp_full_match(track_id, '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}')
            AND (raw.entity_type IS NULL OR raw.entity_type = 'song_schema')
            AND (raw.is_trashed IS NULL OR raw.is_trashed = 'true' OR raw.is_trashed = 'false')
            AND (raw.is_hidden IS NULL OR raw.is_hidden = 'false' OR raw.is_hidden = 'true')
            AND (raw.is_public IS NULL OR raw.is_public = 'true' OR raw.is_public = 'false')
            AND plain(raw.title) AND tight(raw.user_id) AND plain(raw.display_name) AND plain(raw.handle)
            AND tight(raw.major_model_version) AND tight(raw.model_name) AND plain(meta.prompt)
            AND plain(meta.gpt_description_prompt) AND plain(meta.tags) AND tight(meta.type)
            AND (silent(meta.tags) = (tags IS NULL))
            AND (silent(raw.created_at) = (created_at IS NULL))
            AND (silent(raw.status) = (state IS NULL))
            AND (silent(raw.audio_url) = (audio_url IS NULL))
            AND (raw.play_count IS NULL OR regexp_full_match(raw.play_count, '[0-9]{1,15}'))
            AND (raw.upvote_count IS NULL OR regexp_full_match(raw.upvote_count, '[0-9]{1,15}'))
            AND regexp_full_match(meta.duration, '[0-9]{1,7}(\.[0-9]+)?') AND duration_s > 0
            THEN NULL
        ELSE coalesce(line, '')
    END AS odd,
    getvariable('dump').moment
FROM typed
