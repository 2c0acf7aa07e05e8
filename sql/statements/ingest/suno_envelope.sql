-- envelope_of(body): which of Suno's shapes a body has (SOURCES §1), by the members it must have, never by looking around
-- in it; else the reason why it is refused. A lone clip has an id and one more of its fields, or fields only clips have.
CREATE OR REPLACE TEMP MACRO envelope_of(body) AS
    CASE
        WHEN regexp_full_match(body, '(?is)\s*"?too many requests\.?"?\s*') THEN 'throttled_body'
        WHEN NOT json_valid(body) THEN 'not_json'
        ELSE suno_shape(json_type(body, [
            '$', '$.clips', '$.playlist_clips', '$.project_clips', '$.result.public_song.result', '$.feeds', '$.detail',
            '$.id', '$.metadata', '$.audio_url', '$.title', '$.status', '$.created_at', '$.play_count', '$.upvote_count',
            '$.entity_type'
        ]), body)
    END
