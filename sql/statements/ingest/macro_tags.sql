-- tags_of(json): tags, trimmed, in their order, from a list of strings or one comma-separated string; null when
-- none.
CREATE OR REPLACE TEMP MACRO tags_of(j) AS
    CASE
        WHEN starts_with(j::VARCHAR, '[') OR starts_with(j::VARCHAR, '"') THEN
            nullif(list_filter(list_transform(
                CASE WHEN starts_with(j::VARCHAR, '[')
                    THEN list_transform(json_extract(j, '$[*]'), LAMBDA item: text_of(item))
                    ELSE string_split(j ->> '$', ',') END,
                LAMBDA tag: trim(tag, ' ')), LAMBDA tag: tag <> ''), [])
    END
