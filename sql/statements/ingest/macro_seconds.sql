-- seconds_of(json): a duration from 119.96, "119.96", "4:44" or "1:02:03"; null for 0, negatives and anything else.
CREATE OR REPLACE TEMP MACRO seconds_of(j) AS
    CASE
        WHEN regexp_full_match(j::VARCHAR, '"?[0-9]{1,7}(\.[0-9]+)?"?')
            THEN nullif(try_cast(trim(j::VARCHAR, '"') AS DOUBLE), 0)
        WHEN regexp_full_match(j::VARCHAR, '"([0-9]{1,2}:)?[0-9]{1,3}:[0-5][0-9](\.[0-9]+)?"')
            THEN nullif(list_reduce(
                string_split(trim(j::VARCHAR, '"'), ':')::DOUBLE[], LAMBDA total, part: total * 60 + part
            ), 0)
    END
