-- A landed file of which nothing was left.
DELETE FROM landing WHERE source = $platform AND uri = $before
