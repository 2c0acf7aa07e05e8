-- udio_shape(types, body): the envelope's name from the JSON types of the members that udio_envelope.sql lists. A body
-- that only tells of an error is refused under a name of its own: it says nothing about the format.
CREATE OR REPLACE TEMP MACRO udio_shape(types, body) AS
    CASE
        WHEN types[1] = 'ARRAY' THEN 'array'
        WHEN types[1] <> 'OBJECT' THEN 'unknown_envelope'
        WHEN types[2] = 'ARRAY' THEN 'data'
        WHEN types[3] = 'ARRAY' THEN 'songs'
        WHEN types[5] IS NOT NULL AND len(list_filter(types[6:12], LAMBDA type: type IS NOT NULL)) > 0 THEN 'record'
        WHEN types[6] = 'VARCHAR' OR types[7] = 'VARCHAR' THEN 'record'
        WHEN types[4] IS NOT NULL AND regexp_matches(body, '(?i)unauthori|authentic|credential|token') THEN 'unauthorized_body'
        WHEN types[4] IS NOT NULL THEN 'error_body'
        ELSE 'unknown_envelope'
    END
