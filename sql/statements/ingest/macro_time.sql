-- time_of(json): a moment of 2000 to 2099 from ISO text (0 to 9 fractional digits; Z, an offset, or nothing, which is
-- UTC) or from seconds, milliseconds or microseconds since 1970 (10, 13 or 16 digits); null for anything else.
CREATE OR REPLACE TEMP MACRO time_of(j) AS
    CASE
        WHEN regexp_full_match(j::VARCHAR, '"20[0-9]{2}-.{5}[T ].{8}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?"')
            THEN try_cast(regexp_replace(
                regexp_replace(trim(j::VARCHAR, '"'), '([T ].{8}(\.[0-9]+)?)$', '\1Z'), '([+-][0-9]{2})([0-9]{2})$', '\1:\2'
            ) AS TIMESTAMPTZ)
        WHEN regexp_full_match(j::VARCHAR, '"?[1-3][0-9]{9}([0-9]{3}|[0-9]{6})?"?')
            THEN make_timestamp(rpad(trim(j::VARCHAR, '"'), 16, '0')::BIGINT) AT TIME ZONE 'UTC'
    END
