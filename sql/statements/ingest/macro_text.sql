-- text_of(json): a JSON string as text, trimmed; null for "", blanks and anything that is not a string.
CREATE OR REPLACE TEMP MACRO text_of(j) AS
    CASE WHEN starts_with(j::VARCHAR, '"') THEN nullif(trim(j ->> '$', ' '), '') END
