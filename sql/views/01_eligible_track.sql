-- One row a track that audio, scores and training look at: complete, public, offered, and a song of its own. Where
-- nobody states its root, that is its parent.
CREATE OR REPLACE VIEW eligible_track AS
SELECT * REPLACE (coalesce(root_id, parent_id) AS root_id)
FROM track
WHERE status = 'active'
  AND state = 'complete'
  AND coalesce(is_public, true)
  AND coalesce(kind, 'gen') NOT IN ('preview', 'stem', 'gen_stem', 'rendered_context_window');
COMMENT ON VIEW eligible_track IS 'Tracks that are complete, public, still offered and neither preview nor stem. One row a track; the columns of track.';
COMMENT ON COLUMN eligible_track.platform IS 'suno or udio; with track_id the key of a track.';
COMMENT ON COLUMN eligible_track.track_id IS 'The platform''s id of the track; ids repeat across platforms.';
COMMENT ON COLUMN eligible_track.title IS 'Title; null when never stated.';
COMMENT ON COLUMN eligible_track.creator_id IS 'The platform''s id of the creator; null when never stated.';
COMMENT ON COLUMN eligible_track.creator_name IS 'Display name of the creator as last stated; null when never stated.';
COMMENT ON COLUMN eligible_track.model_family IS 'Family of the platform model that made the song, as chirp-v4; null when never stated.';
COMMENT ON COLUMN eligible_track.model_name IS 'Exact name of that model; null when never stated.';
COMMENT ON COLUMN eligible_track.kind IS 'gen, concat, edit_*, upload, stem, preview …; null when never stated (then taken for a song).';
COMMENT ON COLUMN eligible_track.tags IS 'Style tags, as a list; null when never stated.';
COMMENT ON COLUMN eligible_track.created_at IS 'When the song was published; null when never stated.';
COMMENT ON COLUMN eligible_track.duration_s IS 'Length in seconds as the platform states it; null when never stated.';
COMMENT ON COLUMN eligible_track.status IS 'active, unavailable (gone from the platform) or tombstone (removed for good).';
COMMENT ON COLUMN eligible_track.state IS 'complete, unfinished or error; null when never stated.';
COMMENT ON COLUMN eligible_track.lyrics IS 'Lyrics; null when never stated or instrumental.';
COMMENT ON COLUMN eligible_track.prompt IS 'What the song was asked for with; null when never stated.';
COMMENT ON COLUMN eligible_track.is_public IS 'False: private (not eligible); null when never stated, taken for public.';
COMMENT ON COLUMN eligible_track.audio_url IS 'Where the platform offers the audio; null when never stated.';
COMMENT ON COLUMN eligible_track.parent_id IS 'The track it was made from; null for a song of its own.';
COMMENT ON COLUMN eligible_track.root_id IS 'The track its lineage began with, else its parent; null for a song of its own.';
COMMENT ON COLUMN eligible_track.extra IS 'Fields of the record that apex does not know, as received.';
COMMENT ON COLUMN eligible_track.seen IS 'When each field was last stated; null where all were at last_observed_at.';
COMMENT ON COLUMN eligible_track.first_observed_at IS 'When the track was first looked at.';
COMMENT ON COLUMN eligible_track.last_observed_at IS 'When the track was last looked at, whether or not anything had changed.';
COMMENT ON COLUMN eligible_track.content IS 'Hash of the fields, to know a repeated record by; null when they were stated at different times.';
COMMENT ON COLUMN eligible_track.plays_at IS 'When plays was last stated, where that was not last_observed_at; ''epoch'': never.';
COMMENT ON COLUMN eligible_track.likes_at IS 'When likes was last stated, where that was not last_observed_at; ''epoch'': never.';
