-- envelope_of(body): which of Udio's shapes a body has (SOURCES §2), else the reason why it is refused.
CREATE OR REPLACE TEMP MACRO envelope_of(body) AS
    CASE
        WHEN regexp_full_match(body, '(?is)\s*"?too many requests\.?"?\s*') THEN 'throttled_body'
        WHEN NOT json_valid(body) THEN 'not_json'
        ELSE udio_shape(json_type(body, [
            '$', '$.data', '$.songs', '$.detail',
            '$.id', '$.generation_id', '$.song_path', '$.title', '$.finished', '$.created_at', '$.plays', '$.likes'
        ]), body)
    END
