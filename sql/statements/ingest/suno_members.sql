-- members_of(body): the JSON types of the members that tell Suno's envelopes apart (suno_envelope.sql), in one
-- parse.
CREATE OR REPLACE TEMP MACRO members_of(body) AS
    json_type(try_cast(body AS JSON), [
        '$', '$.clips', '$.playlist_clips', '$.project_clips', '$.result.public_song.result', '$.feeds', '$.detail',
        '$.id', '$.metadata', '$.audio_url', '$.title', '$.status', '$.created_at', '$.play_count', '$.upvote_count',
        '$.entity_type'
    ])
