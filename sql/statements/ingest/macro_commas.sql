-- commas(text): what stands between the commas, trimmed, blanks left out; null when nothing is left. Well-kept lists,
-- which most are, are only split.
CREATE OR REPLACE TEMP MACRO commas(t) AS
    CASE
        WHEN regexp_full_match(t, '[^, ]([^,]*[^, ])?(, [^, ]([^,]*[^, ])?)*') THEN string_split(t, ', ')
        ELSE nullif(list_filter(
            list_transform(string_split(t, ','), LAMBDA tag: trim(tag, ' ')), LAMBDA tag: tag <> ''), [])
    END
