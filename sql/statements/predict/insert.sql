-- The view "incoming_prediction" holds a batch; what another run has brought meanwhile stays as it is.
INSERT INTO prediction BY NAME
SELECT i.*
FROM incoming_prediction AS i
WHERE NOT EXISTS (FROM prediction AS p WHERE p.version = i.version AND p.sha256 = i.sha256)
