-- One row an applied migration, and one named 'views' for the public views.
CREATE TABLE IF NOT EXISTS schema_version (name VARCHAR NOT NULL, sha256 VARCHAR NOT NULL)
