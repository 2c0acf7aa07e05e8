-- silent(text): nothing was said.
CREATE OR REPLACE TEMP MACRO silent(t) AS words(t) IS NULL
