-- One row a record: typed, or with the reason it is refused for and its payload. Only the id is required; a field
-- that cannot be read is null and named in nulled, one that nobody knows goes to extra. A clip of Suno's is refused:
-- somebody named the wrong platform. A song is public once it has a publishing date, and not when that is null.
CREATE OR REPLACE TEMP TABLE stage_row AS
WITH opened AS (
    SELECT
        observed_at, skipped, record,
        coalesce(starts_with(ltrim(record), '{'), false) AS is_object,
        json_transform(CASE WHEN is_object THEN record END, '{
            "id": "JSON", "title": "JSON", "user_id": "JSON", "artist": "JSON", "created_at": "JSON",
            "published_at": "JSON", "duration": "JSON", "tags": "JSON", "lyrics": "JSON", "prompt": "JSON",
            "audio_conditioning_type": "JSON", "finished": "JSON", "error_type": "JSON", "error_code": "JSON",
            "song_path": "JSON", "parent_id": "JSON", "plays": "JSON", "likes": "JSON"
        }') AS raw,
        json_keys(CASE WHEN is_object THEN record END) AS keys
    FROM stage_record
),
typed AS (
    SELECT
        observed_at, skipped, record, is_object, raw,
        list_has_any(keys, ['metadata', 'upvote_count', 'play_count']) AS is_foreign,
        short_uuid_of(raw.id) AS track_id,
        CASE WHEN is_object THEN 'active' END AS status,
        text_of(raw.title) AS title,
        text_of(raw.user_id) AS creator_id,
        text_of(raw.artist) AS creator_name,
        time_of(raw.created_at) AS created_at,
        seconds_of(raw.duration) AS duration_s,
        tags_of(raw.tags) AS tags,
        text_of(raw.lyrics) AS lyrics,
        text_of(raw.prompt) AS prompt,
        NULL::VARCHAR AS model_family,
        NULL::VARCHAR AS model_name,
        text_of(raw.audio_conditioning_type) AS kind,
        CASE
            WHEN flag_of(raw.finished) THEN 'complete'
            WHEN text_of(raw.error_type) IS NOT NULL
                OR coalesce(raw.error_code::VARCHAR, 'null') NOT IN ('null', '""', '0')
                THEN 'error'
            WHEN NOT flag_of(raw.finished) THEN 'unfinished'
        END AS state,
        CASE
            WHEN time_of(raw.published_at) IS NOT NULL THEN true
            WHEN list_contains(keys, 'published_at') AND coalesce(raw.published_at::VARCHAR, 'null') = 'null' THEN false
        END AS is_public,
        url_of(raw.song_path) AS audio_url,
        nullif(short_uuid_of(raw.parent_id), track_id) AS parent_id,
        NULL::VARCHAR AS root_id,
        CASE WHEN len(list_filter(keys, LAMBDA name: NOT list_contains(udio_fields(), name))) > 0
            THEN unknown_of(record, udio_fields())::JSON END AS extra,
        count_of(raw.plays) AS plays,
        count_of(raw.likes) AS likes
    FROM opened
)
SELECT
    * EXCLUDE (record, is_object, raw, is_foreign),
    list_filter([
        unread('title', raw.title, title), unread('user_id', raw.user_id, creator_id),
        unread('artist', raw.artist, creator_name), unread('created_at', raw.created_at, created_at),
        unread('published_at', raw.published_at, is_public), unread('duration', raw.duration, duration_s),
        unread('tags', raw.tags, tags), unread('lyrics', raw.lyrics, lyrics), unread('prompt', raw.prompt, prompt),
        unread('finished', raw.finished, state), unread('song_path', raw.song_path, audio_url),
        unread('plays', raw.plays, plays), unread('likes', raw.likes, likes)
    ], LAMBDA name: name IS NOT NULL) AS nulled,
    CASE
        WHEN NOT is_object THEN 'not_an_object'
        WHEN coalesce(raw.id::VARCHAR, 'null') IN ('null', '""') THEN 'missing_id'
        WHEN track_id IS NULL THEN 'invalid_id'
        WHEN is_foreign THEN 'other_platform'
    END AS reason,
    CASE WHEN reason IS NOT NULL THEN record END AS payload,
    CASE WHEN reason IS NOT NULL THEN coalesce(track_id, left(text_of(raw.id), 200)) END AS received_id
FROM typed
