-- A temp table shaped like a table of the catalog, for the rows of one run.
CREATE OR REPLACE TEMP TABLE {{made}} AS FROM {{table}} LIMIT 0
