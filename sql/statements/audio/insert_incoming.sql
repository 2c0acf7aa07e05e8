-- What was found of the tracks looked for; one row a track.
INSERT INTO audio BY NAME SELECT * FROM incoming
