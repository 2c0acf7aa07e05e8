-- unread(name, json, value): the field's name when something was received that could not be read; else null.
CREATE OR REPLACE TEMP MACRO unread(name, j, value) AS
    CASE WHEN value IS NULL AND j IS NOT NULL AND j::VARCHAR NOT IN ('null', '""', '[]', '0', '0.0') THEN name END
