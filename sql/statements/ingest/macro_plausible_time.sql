-- plausible_time(moment): the moment when it lies in 2000 to 2100, else null.
CREATE OR REPLACE TEMP MACRO plausible_time(moment) AS
    CASE WHEN moment >= TIMESTAMPTZ '2000-01-01 00:00:00Z' AND moment < TIMESTAMPTZ '2100-01-01 00:00:00Z'
        THEN moment END
