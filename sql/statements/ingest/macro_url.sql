-- url_of(json): an http(s) address as received. Null for "" and for …/None.mp3, which names no file. The placeholder
-- …/api/forbidden is kept: it says that the audio is withheld, and must win over an older address.
CREATE OR REPLACE TEMP MACRO url_of(j) AS
    CASE WHEN starts_with(j::VARCHAR, '"http') AND NOT ends_with(j::VARCHAR, '/None.mp3"')
        THEN nullif(regexp_extract(j ->> '$', '^https?://[^\s]+$'), '') END
