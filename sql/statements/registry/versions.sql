-- One row a version the catalog knows, and whether it is known to be gone from the store.
SELECT version, removed_at IS NOT NULL AS removed FROM model_version ORDER BY version
