-- unread(name, json, value): the field's name when something was received that could not be read; else null.
-- One pattern and not IN: a list in a macro that is used thirty times doubles the time to plan the whole statement.
CREATE OR REPLACE TEMP MACRO unread(name, j, value) AS
    CASE WHEN value IS NULL AND NOT regexp_full_match(j::VARCHAR, 'null|" *"|\[\]|0|0\.0') THEN name END
