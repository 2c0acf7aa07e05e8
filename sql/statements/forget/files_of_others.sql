-- One row a file that is the operator's: songs of the $tracks in libraries, dumps of the platform read where they lie.
SELECT 'library' AS what, uri
FROM audio
WHERE platform = $platform AND origin = 'library' AND uri IS NOT NULL AND track_id IN (SELECT unnest($tracks))
UNION
SELECT 'dump', uri FROM landing WHERE source = $platform AND NOT starts_with(uri, 'landing/')
ORDER BY ALL
