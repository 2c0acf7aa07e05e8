-- Applied migrations: name, sha256 of the text.
SELECT name, sha256 FROM schema_version ORDER BY name
