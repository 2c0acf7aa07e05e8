-- One row a training set that the catalog knows.
SELECT training_set_id FROM training_set
