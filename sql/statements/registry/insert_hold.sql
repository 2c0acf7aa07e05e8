-- One row a hold or release; a known one is left as it is.
INSERT INTO model_hold BY NAME
SELECT $alias AS alias, $n AS n, $held AS held, $reason AS reason, $set_by AS set_by, $set_at AS set_at
WHERE NOT EXISTS (FROM model_hold WHERE alias = $alias AND n = $n)
