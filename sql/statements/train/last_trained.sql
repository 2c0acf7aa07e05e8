-- One row a version of this condition and encoder, the newest first: the training set it was made from.
SELECT training_set_id
FROM model_version
WHERE condition = $condition AND encoder_id = $encoder_id AND training_set_id IS NOT NULL
ORDER BY created_at DESC, version DESC
