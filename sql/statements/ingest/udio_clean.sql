-- One row a line: a song about which nothing is odd, typed in one pass, or the line in odd, for udio_row.sql to look at
-- closely. For what both take, both say the same.
INSERT INTO stage_clean
WITH parsed AS (
    SELECT
        url, line,
        json_transform(json, '{
            "id": "VARCHAR", "title": "VARCHAR", "user_id": "VARCHAR", "artist": "VARCHAR", "created_at": "VARCHAR",
            "published_at": "VARCHAR", "duration": "VARCHAR", "tags": "JSON", "lyrics": "VARCHAR", "prompt": "VARCHAR",
            "audio_conditioning_type": "VARCHAR", "finished": "VARCHAR", "error_type": "VARCHAR",
            "error_code": "JSON", "song_path": "VARCHAR", "parent_id": "JSON", "plays": "VARCHAR", "likes": "VARCHAR"
        }') AS raw,
        json_keys(json) AS keys,
        list_contains(getvariable('known_keys'), hash(keys)) AS is_known
    FROM stage_line
),
typed AS (
    SELECT
        url, line, raw, is_known,
        raw.id AS track_id,
        words(raw.title) AS title,
        nullif(raw.user_id, '') AS creator_id,
        words(raw.artist) AS creator_name,
        instant(raw.created_at) AS created_at,
        nullif(try_cast(raw.duration AS DOUBLE), 0) AS duration_s,
        tags_of(raw.tags) AS tags,
        words(raw.lyrics) AS lyrics,
        words(raw.prompt) AS prompt,
        nullif(raw.audio_conditioning_type, '') AS kind,
        CASE
            WHEN raw.finished = 'true' THEN 'complete'
            WHEN nullif(raw.error_type, '') IS NOT NULL OR raw.error_code::VARCHAR NOT IN ('null', '""', '0') THEN 'error'
            WHEN raw.finished = 'false' THEN 'unfinished'
        END AS state,
        CASE
            WHEN raw.published_at IS NOT NULL THEN true
            WHEN list_contains(keys, 'published_at') THEN false
        END AS is_public,
        nullif(regexp_extract(raw.song_path, '^https?://[^\s]+$'), '') AS audio_url,
        nullif(short_uuid_of(raw.parent_id), track_id) AS parent_id,
        try_cast(raw.plays AS BIGINT) AS plays,
        try_cast(raw.likes AS BIGINT) AS likes
    FROM parsed
)
SELECT
    url, track_id, 'active', title, creator_id, creator_name, created_at, duration_s, tags, lyrics, prompt, NULL, NULL,
    kind, state, is_public, audio_url, parent_id, NULL, plays, likes,
    CASE
        WHEN is_known
            AND regexp_full_match(track_id, '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}')
            AND plain(raw.title) AND tight(raw.user_id) AND plain(raw.artist) AND plain(raw.lyrics)
            AND plain(raw.prompt) AND tight(raw.audio_conditioning_type) AND tight(raw.error_type)
            AND (silent(raw.created_at) = (created_at IS NULL))
            AND (raw.published_at IS NULL OR instant(raw.published_at) IS NOT NULL)
            AND (raw.finished IN ('true', 'false') OR (raw.finished IS NULL AND state IS NULL))
            AND (silent(raw.song_path) = (audio_url IS NULL)) AND NOT ends_with(coalesce(audio_url, ''), '/None.mp3')
            AND (raw.tags IS NULL OR tags IS NOT NULL OR raw.tags::VARCHAR = '[]')
            AND (raw.plays IS NULL OR regexp_full_match(raw.plays, '[0-9]{1,15}'))
            AND (raw.likes IS NULL OR regexp_full_match(raw.likes, '[0-9]{1,15}'))
            AND (raw.duration IS NULL OR regexp_full_match(raw.duration, '[0-9]{1,7}(\.[0-9]+)?'))
            THEN NULL
        ELSE coalesce(line, '')
    END AS odd,
    getvariable('dump').moment
FROM typed
