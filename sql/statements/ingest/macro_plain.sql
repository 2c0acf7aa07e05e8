-- plain(text): whether text taken out of JSON was surely a string there, and not a number, a boolean, an object or a
-- list that only looks like one now. Ranges tell first characters apart at next to no cost: '-' to '9', '[' and '{'.
CREATE OR REPLACE TEMP MACRO plain(t) AS
    CASE
        WHEN t IS NULL THEN true
        WHEN t >= '-' AND t < ':' THEN try_cast(t AS DOUBLE) IS NULL
        WHEN t >= '[' AND t < '\' THEN NOT regexp_matches(left(t, 2), '^\[["{\[\]0-9tfn-]')
        WHEN t >= '{' AND t < '|' THEN false
        ELSE t <> 'true' AND t <> 'false'
    END
