-- One row a version whose predictions are in the catalog.
SELECT DISTINCT version FROM prediction ORDER BY version
