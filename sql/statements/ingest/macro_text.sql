-- text_of(json): a JSON string as text; null for "", blanks and anything that is not a string.
CREATE OR REPLACE TEMP MACRO text_of(j) AS
    CASE WHEN starts_with(j::VARCHAR, '"') AND trim(j ->> '$') <> '' THEN j ->> '$' END
