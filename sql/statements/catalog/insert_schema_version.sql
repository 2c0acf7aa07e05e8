INSERT INTO schema_version VALUES ($name, $sha256)
