-- words(text): trimmed, at no cost where there is nothing to trim; null for blanks.
CREATE OR REPLACE TEMP MACRO words(t) AS
    nullif(CASE WHEN starts_with(t, ' ') OR ends_with(t, ' ') THEN trim(t, ' ') ELSE t END, '')
