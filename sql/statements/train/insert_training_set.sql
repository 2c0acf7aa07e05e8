-- One row a training set; a known one is left as it is.
INSERT INTO training_set
SELECT $training_set_id, $score_run_id, $encoder_id, $tracks, $as_of
WHERE NOT EXISTS (FROM training_set WHERE training_set_id = $training_set_id)
