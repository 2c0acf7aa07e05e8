-- One row a track that audio, scores and training look at: complete, public, offered, and a song of its own. Where
-- nobody states its root, that is its parent.
CREATE OR REPLACE VIEW eligible_track AS
SELECT * REPLACE (coalesce(root_id, parent_id) AS root_id)
FROM track
WHERE status = 'active'
  AND state = 'complete'
  AND coalesce(is_public, true)
  AND coalesce(kind, 'gen') NOT IN ('preview', 'stem', 'gen_stem', 'rendered_context_window');
COMMENT ON VIEW eligible_track IS 'Tracks that are complete, public, still offered and neither preview nor stem.';
