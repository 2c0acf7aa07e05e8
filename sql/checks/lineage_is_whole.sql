-- One row a training set or version that names a score run, encoder or training set the catalog does not have. Versions
-- imported from another store may, and after a backup was restored those adopted from the store: they work, but where
-- they come from is not told here.
-- severity: warn
-- when: snapshot
-- fix: look at models/<version>/lineage.json in the store, which says it all; nothing is to be done if a backup was
--   restored lately, or the version was imported.
SELECT 'training_set' AS what, training_set_id AS which, 'no score run ' || score_run_id AS detail
FROM training_set ANTI JOIN score_run USING (score_run_id)
UNION ALL
SELECT 'training_set', training_set_id, 'no encoder ' || encoder_id FROM training_set ANTI JOIN encoder USING (encoder_id)
UNION ALL
SELECT 'model_version', version, 'no training set ' || training_set_id
FROM (FROM model_version WHERE training_set_id IS NOT NULL) ANTI JOIN training_set USING (training_set_id)
UNION ALL
SELECT 'model_version', version, 'no score run ' || score_run_id
FROM (FROM model_version WHERE score_run_id IS NOT NULL) ANTI JOIN score_run USING (score_run_id)
UNION ALL
SELECT 'model_version', version, 'no encoder ' || encoder_id
FROM (FROM model_version WHERE training_set_id IS NOT NULL) ANTI JOIN encoder USING (encoder_id)
ORDER BY ALL
