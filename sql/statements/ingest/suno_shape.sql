-- suno_shape(types, body): the envelope's name from the JSON types of the members that suno_envelope.sql lists. A body
-- that only tells of an error is refused under a name of its own: it says nothing about the format.
CREATE OR REPLACE TEMP MACRO suno_shape(types, body) AS
    CASE
        WHEN types[1] = 'ARRAY' THEN 'array'
        WHEN types[1] <> 'OBJECT' THEN 'unknown_envelope'
        WHEN types[2] = 'ARRAY' THEN 'clips'
        WHEN types[3] = 'ARRAY' THEN 'playlist'
        WHEN types[4] = 'ARRAY' THEN 'project'
        WHEN types[5] = 'ARRAY' THEN 'search'
        WHEN types[6] = 'ARRAY' THEN 'home'
        WHEN types[8] IS NOT NULL AND len(list_filter(types[9:16], LAMBDA type: type IS NOT NULL)) > 0 THEN 'record'
        WHEN types[9] = 'OBJECT' OR types[10] = 'VARCHAR' THEN 'record'
        WHEN types[7] IS NOT NULL AND regexp_matches(body, '(?i)unauthori|authentic|credential|token') THEN 'unauthorized_body'
        WHEN types[7] IS NOT NULL THEN 'error_body'
        ELSE 'unknown_envelope'
    END
