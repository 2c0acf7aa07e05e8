-- One row a record of the store that the catalog has: its kind, whose it is, its number.
SELECT 'alias' AS kind, alias AS name, n FROM model_alias
UNION ALL
SELECT 'hold', alias, n FROM model_hold
UNION ALL
SELECT 'decision', version, n FROM model_decision
