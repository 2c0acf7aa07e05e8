-- One row a known track of the $creators.
SELECT track_id FROM track WHERE platform = $platform AND list_contains($creators, creator_id) ORDER BY track_id
