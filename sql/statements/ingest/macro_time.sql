-- time_of(json): a moment from ISO text (0 to 9 fractional digits; Z, an offset, or nothing, which is UTC) or from
-- seconds, milli- or microseconds since 1970; null for anything else and outside 2000 to 2100.
CREATE OR REPLACE TEMP MACRO time_of(j) AS
    plausible_time(CASE
        WHEN regexp_full_match(
            j::VARCHAR,
            '"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}(:?[0-9]{2})?)"'
        ) THEN try_cast(regexp_replace(trim(j::VARCHAR, '"'), '([+-][0-9]{2}):?([0-9]{2})$', '\1:\2') AS TIMESTAMPTZ)
        WHEN regexp_full_match(
            j::VARCHAR, '"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"'
        ) THEN try_cast(trim(j::VARCHAR, '"') || 'Z' AS TIMESTAMPTZ)
        WHEN regexp_full_match(j::VARCHAR, '"?[0-9]{9,16}(\.[0-9]+)?"?') THEN
            make_timestamp(round(
                trim(j::VARCHAR, '"')::DOUBLE
                * CASE strlen(regexp_extract(j::VARCHAR, '[0-9]+'))
                    WHEN 9 THEN 1000000 WHEN 10 THEN 1000000
                    WHEN 11 THEN 1000 WHEN 12 THEN 1000 WHEN 13 THEN 1000
                    ELSE 1 END
            )::BIGINT) AT TIME ZONE 'UTC'
    END)
