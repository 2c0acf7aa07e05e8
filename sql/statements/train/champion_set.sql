-- At most one row: the training set of the champion; none for a champion from elsewhere.
SELECT training_set_id FROM champion WHERE training_set_id IS NOT NULL
