-- Keep the champion's predictions and those of the champion before; lineage and files of older ones stay.
DELETE FROM prediction
WHERE version NOT IN (
    SELECT version
    FROM (SELECT version, max(n) AS n FROM model_alias WHERE alias = 'champion' GROUP BY version)
    ORDER BY n DESC
    LIMIT 2
)
