-- Frees {{table}}, a table of one run's staging.
DROP TABLE IF EXISTS {{table}}
