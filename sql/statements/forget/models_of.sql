-- One row a model version that was trained on one of $training_sets.
SELECT version FROM model_version WHERE list_contains($training_sets, training_set_id) ORDER BY version
