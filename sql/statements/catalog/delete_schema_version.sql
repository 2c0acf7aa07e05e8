-- Before the row of a migration, or of the views, is written anew.
DELETE FROM schema_version WHERE name = $name
