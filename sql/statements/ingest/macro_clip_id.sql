-- clip_id_of(json): a Suno clip's id in a lineage field, where it may carry the prefix m_; null when it is none.
CREATE OR REPLACE TEMP MACRO clip_id_of(j) AS
    nullif(regexp_extract(
        lower(j::VARCHAR), '^"(?:m_)?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"$', 1), '')
