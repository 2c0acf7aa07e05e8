-- A training set that has fewer rows now.
UPDATE training_set SET tracks = $tracks WHERE training_set_id = $training_set_id
