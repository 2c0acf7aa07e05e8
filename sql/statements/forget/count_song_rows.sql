-- One row: how many rows of a table are the $songs' (sha256).
SELECT count(*) FROM {{table}} WHERE sha256 IN (SELECT unnest($songs))
