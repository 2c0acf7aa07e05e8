-- One row an alias record; a known one is left as it is.
INSERT INTO model_alias
SELECT $alias, $n, $version, $reason, $set_by, $set_at
WHERE NOT EXISTS (FROM model_alias WHERE alias = $alias AND n = $n)
