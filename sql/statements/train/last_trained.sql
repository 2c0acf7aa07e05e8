-- At most one row: the newest version of this condition and encoder, and the training set it was made from.
SELECT version, training_set_id
FROM model_version
WHERE condition = $condition AND encoder_id = $encoder_id AND training_set_id IS NOT NULL
ORDER BY created_at DESC, version DESC
LIMIT 1
