-- count_of(json): a counter from 259, 259.0, "259", "1,234", "1.2K", "3M"; null for "", negatives and anything else.
CREATE OR REPLACE TEMP MACRO count_of(j) AS
    CASE
        WHEN regexp_full_match(j::VARCHAR, '[0-9]{1,15}') THEN try_cast(j::VARCHAR AS BIGINT)
        WHEN regexp_full_match(j::VARCHAR, '[0-9]{1,15}\.0+') THEN try_cast(split_part(j::VARCHAR, '.', 1) AS BIGINT)
        WHEN regexp_full_match(j::VARCHAR, '" *([0-9]{1,15}|[0-9]{1,3}(,[0-9]{3}){1,4}) *"')
            THEN try_cast(regexp_replace(j::VARCHAR, '[", ]', '', 'g') AS BIGINT)
        WHEN regexp_full_match(j::VARCHAR, '" *[0-9]{1,6}(\.[0-9]+)? *[KkMmBb] *"')
            THEN round(
                try_cast(regexp_extract(j::VARCHAR, '[0-9.]+') AS DOUBLE)
                * CASE upper(regexp_extract(j::VARCHAR, '[KkMmBb]')) WHEN 'K' THEN 1e3 WHEN 'M' THEN 1e6 ELSE 1e9 END
            )::BIGINT
    END
