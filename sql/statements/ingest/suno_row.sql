-- One row a record: typed, or with the reason it is refused for and its payload. Only the id is required; a field
-- that cannot be read is null and named in nulled, one that nobody knows goes to extra. A song of Udio's is refused:
-- somebody named the wrong platform. Suno's metadata.prompt is the lyrics, gpt_description_prompt the prompt; exported tables have them, and
-- what else lies in metadata, beside the other fields.
CREATE OR REPLACE TEMP TABLE stage_row AS
WITH opened AS (
    SELECT
        observed_at, skipped, record,
        coalesce(starts_with(ltrim(record), '{'), false) AS is_object,
        json_transform(CASE WHEN is_object THEN record END, '{
            "id": "JSON", "entity_type": "JSON", "status": "JSON", "is_trashed": "JSON", "is_hidden": "JSON",
            "is_public": "JSON", "title": "JSON", "user_id": "JSON", "display_name": "JSON", "handle": "JSON",
            "created_at": "JSON", "duration": "JSON", "tags": "JSON", "lyrics": "JSON",
            "gpt_description_prompt": "JSON", "type": "JSON", "major_model_version": "JSON",
            "model_name": "JSON", "audio_url": "JSON", "play_count": "JSON", "upvote_count": "JSON",
            "clip_roots": "JSON",
            "metadata": {
                "tags": "JSON", "prompt": "JSON", "gpt_description_prompt": "JSON", "type": "JSON", "task": "JSON",
                "duration": "JSON", "history": "JSON", "concat_history": "JSON", "audio_prompt_id": "JSON",
                "cover_clip_id": "JSON", "edited_clip_id": "JSON", "stem_from_id": "JSON", "upsample_clip_id": "JSON",
                "remaster_clip_id": "JSON", "speed_clip_id": "JSON", "clip_roots": "JSON"
            }
        }') AS raw,
        json_keys(CASE WHEN is_object THEN record END, ['$', '$.metadata']) AS keys
    FROM stage_record
),
typed AS (
    SELECT
        observed_at, record, is_object, raw,
        list_has_any(keys[1], ['generation_id', 'song_path']) AS is_foreign,
        skipped OR coalesce(raw.entity_type::VARCHAR = '"playlist_schema"', false) AS skipped,
        uuid_of(raw.id) AS track_id,
        CASE WHEN flag_of(raw.is_trashed) THEN 'unavailable' WHEN is_object THEN 'active' END AS status,
        text_of(raw.title) AS title,
        text_of(raw.user_id) AS creator_id,
        coalesce(text_of(raw.display_name), text_of(raw.handle)) AS creator_name,
        time_of(raw.created_at) AS created_at,
        coalesce(seconds_of(raw.metadata.duration), seconds_of(raw.duration)) AS duration_s,
        coalesce(tags_of(raw.metadata.tags), tags_of(raw.tags)) AS tags,
        coalesce(text_of(raw.metadata.prompt), text_of(raw.lyrics)) AS lyrics,
        coalesce(text_of(raw.metadata.gpt_description_prompt), text_of(raw.gpt_description_prompt)) AS prompt,
        text_of(raw.major_model_version) AS model_family,
        text_of(raw.model_name) AS model_name,
        CASE WHEN raw.metadata.task::VARCHAR = '"gen_stem"' THEN 'stem' ELSE coalesce(text_of(raw.metadata.type), text_of(raw.type)) END
            AS kind,
        CASE
            WHEN raw.status::VARCHAR IN ('"complete"', '"error"') THEN trim(raw.status::VARCHAR, '"')
            WHEN raw.status::VARCHAR IN ('"submitted"', '"queued"', '"streaming"') THEN 'unfinished'
        END AS state,
        CASE WHEN flag_of(raw.is_hidden) THEN false ELSE flag_of(raw.is_public) END AS is_public,
        url_of(raw.audio_url) AS audio_url,
        nullif(parent_of(raw.metadata), track_id) AS parent_id,
        nullif(root_of(raw.clip_roots, raw.metadata), track_id) AS root_id,
        CASE WHEN len(list_filter(keys[1], LAMBDA name: NOT list_contains(suno_fields(), name))) > 0
            THEN unknown_of(record, suno_fields()) END AS extra_top,
        CASE WHEN len(list_filter(keys[2], LAMBDA name: NOT list_contains(suno_metadata_fields(), name))) > 0
            THEN unknown_of(record -> '$.metadata', suno_metadata_fields()) END AS extra_metadata,
        count_of(raw.play_count) AS plays,
        count_of(raw.upvote_count) AS likes
    FROM opened
)
SELECT
    observed_at, skipped, track_id, status, title, creator_id, creator_name, created_at, duration_s, tags, lyrics,
    prompt, model_family, model_name, kind, state, is_public, audio_url, parent_id, root_id,
    CASE WHEN extra_top IS NULL AND extra_metadata IS NULL THEN NULL
        ELSE json_merge_patch(
            coalesce(extra_top, '{}'),
            CASE WHEN extra_metadata IS NULL THEN '{}' ELSE json_object('metadata', extra_metadata::JSON) END)
    END AS extra,
    plays, likes,
    list_filter([
        unread('is_trashed', raw.is_trashed, flag_of(raw.is_trashed)), unread('title', raw.title, title),
        unread('user_id', raw.user_id, creator_id), unread('created_at', raw.created_at, created_at),
        unread('duration', raw.metadata.duration, duration_s), unread('tags', raw.metadata.tags, tags),
        unread('prompt', raw.metadata.prompt, lyrics),
        unread('gpt_description_prompt', raw.metadata.gpt_description_prompt, prompt),
        unread('major_model_version', raw.major_model_version, model_family),
        unread('model_name', raw.model_name, model_name), unread('type', raw.metadata.type, kind),
        unread('status', raw.status, state), unread('is_public', raw.is_public, is_public),
        unread('audio_url', raw.audio_url, audio_url), unread('play_count', raw.play_count, plays),
        unread('upvote_count', raw.upvote_count, likes)
    ], LAMBDA name: name IS NOT NULL) AS nulled,
    CASE
        WHEN skipped THEN NULL
        WHEN NOT is_object THEN 'not_an_object'
        WHEN coalesce(raw.id::VARCHAR, 'null') IN ('null', '""') THEN 'missing_id'
        WHEN track_id IS NULL THEN 'invalid_id'
        WHEN is_foreign THEN 'other_platform'
        WHEN raw.entity_type::VARCHAR NOT IN ('"song_schema"', 'null') THEN 'unknown_entity_type'
    END AS reason,
    CASE WHEN reason IS NOT NULL THEN record END AS payload,
    CASE WHEN reason IS NOT NULL THEN coalesce(track_id, left(text_of(raw.id), 200)) END AS received_id
FROM typed
