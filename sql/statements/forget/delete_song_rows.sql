-- Every row of a table that is the $songs' (sha256).
DELETE FROM {{table}} WHERE sha256 IN (SELECT unnest($songs))
