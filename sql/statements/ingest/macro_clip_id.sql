-- clip_id_of(json): a Suno clip's id in a lineage field, where it may carry the prefix m_; null when it is none.
CREATE OR REPLACE TEMP MACRO clip_id_of(j) AS
    uuid_of(regexp_replace(text_of(j), '^m_', ''))
