-- silent(text): nothing was said.
CREATE OR REPLACE TEMP MACRO silent(t) AS t IS NULL OR t = ''
