-- One row an alias record; a known one is left as it is.
INSERT INTO model_alias BY NAME
SELECT
    $alias AS alias,
    $n AS n,
    $version AS version,
    $reason AS reason,
    $set_by AS set_by,
    $set_at AS set_at,
    $restores AS restores
WHERE NOT EXISTS (FROM model_alias WHERE alias = $alias AND n = $n)
