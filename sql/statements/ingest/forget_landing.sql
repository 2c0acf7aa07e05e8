-- What was noted of a landed file before (source, uri, sha256, observed_at).
DELETE FROM landing
WHERE source = $platform AND uri = $uri AND sha256 = $sha256 AND observed_at = $observed_at
