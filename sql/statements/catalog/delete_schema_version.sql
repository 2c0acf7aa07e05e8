DELETE FROM schema_version WHERE name = $name
