-- One row a known track that has one of $ids, on $platform where one is given.
SELECT platform, track_id
FROM track
WHERE list_contains($ids, track_id) AND ($platform IS NULL OR platform = $platform)
ORDER BY ALL
