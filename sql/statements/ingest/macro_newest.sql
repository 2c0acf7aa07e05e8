-- newest(a, b): the later of two statements that says something; at equal times the greater value, whatever came first.
CREATE OR REPLACE TEMP MACRO newest(a, b) AS
    CASE
        WHEN b.v IS NULL THEN a
        WHEN a.v IS NULL OR b.t > a.t OR (b.t = a.t AND b.v > a.v) THEN b
        ELSE a
    END
