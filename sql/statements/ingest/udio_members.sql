-- members_of(body): the JSON types of the members that tell Udio's envelopes apart (udio_envelope.sql), in one
-- parse.
CREATE OR REPLACE TEMP MACRO members_of(body) AS
    json_type(try_cast(body AS JSON), [
        '$', '$.data', '$.songs', '$.detail', '$.id',
        '$.generation_id', '$.song_path', '$.title', '$.finished', '$.created_at', '$.plays', '$.likes'
    ])
