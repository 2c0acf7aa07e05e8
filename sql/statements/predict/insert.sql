-- One row a model version and sha256.
INSERT INTO prediction BY NAME SELECT * FROM incoming_prediction
