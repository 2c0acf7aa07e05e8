-- One row a field: how often something was received in it that could not be read.
SELECT name, count(*) AS records
FROM (SELECT unnest(nulled) AS name FROM stage_row WHERE reason IS NULL AND NOT skipped)
GROUP BY name
ORDER BY name
