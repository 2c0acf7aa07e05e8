-- One row: how many songs the champion has predicted, and whose vectors it reads; 0 and null without one.
SELECT count(p.sha256) AS songs, any_value(c.encoder_id) AS encoder_id
FROM champion AS c
LEFT JOIN prediction AS p USING (version)
