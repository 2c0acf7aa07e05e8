-- One row a known track of $track_ids that the platform no longer shows: $status since $as_of, tombstone where it is
-- gone, unavailable where it is private. Its past stays, and a later good record brings it back. That it was looked at
-- is noted even where nothing is new. Uses said_at.
UPDATE track
SET status = $status, content = NULL,
    seen = struct_update(coalesce(seen, said_at(
        last_observed_at,
        status, title, creator_id, creator_name, created_at, duration_s, tags, lyrics, prompt, model_family,
        model_name, kind, state, is_public, audio_url, parent_id, root_id, extra
    )), status := $as_of)
WHERE platform = $platform AND list_contains($track_ids, track_id) AND status <> 'tombstone'
    AND coalesce(CASE WHEN seen IS NULL THEN last_observed_at ELSE seen.status END < $as_of, true)
RETURNING track_id
