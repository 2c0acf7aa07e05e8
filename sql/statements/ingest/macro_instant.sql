-- instant(text): a moment in the one form that the platforms write today, ISO 8601 in UTC; null for any other.
CREATE OR REPLACE TEMP MACRO instant(t) AS
    CASE WHEN starts_with(t, '20') AND t[11] = 'T' AND t[17] = ':' AND (ends_with(t, 'Z') OR ends_with(t, '+00:00'))
        THEN try_cast(t AS TIMESTAMPTZ) END
