-- One row a track that the platform no longer knows ($track_ids, gone at $as_of). A later good record brings it
-- back.
UPDATE track
SET status = 'tombstone', seen = struct_update(seen, status := $as_of)
WHERE platform = $platform AND list_contains($track_ids, track_id)
    AND status <> 'tombstone' AND coalesce(seen.status < $as_of, true)
RETURNING track_id
