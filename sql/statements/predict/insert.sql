INSERT INTO prediction BY NAME SELECT * FROM incoming_prediction
