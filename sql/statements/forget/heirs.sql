-- One row: how many tracks that stay name one of the $tracks as what they were made from.
SELECT count(*)
FROM track
WHERE platform = $platform AND track_id NOT IN (SELECT unnest($tracks))
  AND (parent_id IN (SELECT unnest($tracks)) OR root_id IN (SELECT unnest($tracks)))
