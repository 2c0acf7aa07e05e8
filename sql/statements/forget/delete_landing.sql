-- The row of a landed file.
DELETE FROM landing WHERE source = $platform AND uri = $uri
