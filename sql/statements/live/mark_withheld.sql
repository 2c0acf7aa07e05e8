-- One row a known track that the platform answers 403 for ($track_ids, at $as_of): it is private, and its past stays.
-- A later good record brings it back. That it was looked at is noted even where nothing is new.
UPDATE track
SET status = 'unavailable', seen = struct_update(seen, status := $as_of)
WHERE platform = $platform AND list_contains($track_ids, track_id)
    AND status <> 'tombstone' AND coalesce(seen.status < $as_of, true)
RETURNING track_id
