-- One row a version with predictions that is neither champion nor the champion before.
SELECT DISTINCT version
FROM prediction
WHERE version NOT IN (
    SELECT version
    FROM (SELECT version, max(n) AS n FROM model_alias WHERE alias = 'champion' GROUP BY version)
    ORDER BY n DESC
    LIMIT 2
)
ORDER BY version
