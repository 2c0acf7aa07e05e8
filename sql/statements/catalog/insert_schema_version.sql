-- A migration that was applied, with the hash of its text.
INSERT INTO schema_version VALUES ($name, $sha256)
