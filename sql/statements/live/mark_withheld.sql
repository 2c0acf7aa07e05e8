-- One row a known track that the platform answers 403 for ($track_ids, at $as_of): it is private, and its past stays.
-- A later good record brings it back. That it was looked at is noted even where nothing is new. Uses said_at.
UPDATE track
SET status = 'unavailable', content = NULL,
    seen = struct_update(coalesce(seen, said_at(
        last_observed_at,
        status, title, creator_id, creator_name, created_at, duration_s, tags, lyrics, prompt, model_family,
        model_name, kind, state, is_public, audio_url, parent_id, root_id, extra
    )), status := $as_of)
WHERE platform = $platform AND list_contains($track_ids, track_id) AND status <> 'tombstone'
    AND coalesce(CASE WHEN seen IS NULL THEN last_observed_at ELSE seen.status END < $as_of, true)
RETURNING track_id
