-- One row a track that the platform no longer knows ($track_ids, gone at $as_of). A later good record brings it
-- back.
UPDATE track
SET status = 'tombstone', content = NULL,
    seen = struct_update(coalesce(seen, said_at(
        last_observed_at,
        status, title, creator_id, creator_name, created_at, duration_s, tags, lyrics, prompt, model_family,
        model_name, kind, state, is_public, audio_url, parent_id, root_id, extra
    )), status := $as_of)
WHERE platform = $platform AND list_contains($track_ids, track_id) AND status <> 'tombstone'
    AND coalesce(CASE WHEN seen IS NULL THEN last_observed_at ELSE seen.status END < $as_of, true)
RETURNING track_id
