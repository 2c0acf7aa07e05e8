-- One row a track that comes once: whether it is new, and whether it says what the catalog knows (content is null, and
-- nothing the same, for a row that was put together from several observations).
CREATE OR REPLACE TEMP TABLE stage_single AS
SELECT
    g.track_id, g.observed_at, g.plays, g.likes,
    t.track_id IS NULL AS is_new,
    coalesce(t.content = content_of(
        g.status, g.title, g.creator_id, g.creator_name, g.created_at, g.duration_s, g.tags, g.lyrics, g.prompt,
        g.model_family, g.model_name, g.kind, g.state, g.is_public, g.audio_url, g.parent_id, g.root_id, g.extra
    ), false) AS is_same,
    t.first_observed_at, t.last_observed_at
FROM stage_good AS g
ANTI JOIN stage_repeated USING (track_id)
LEFT JOIN (
    SELECT track_id, content, first_observed_at, last_observed_at FROM track WHERE platform = $platform
) AS t USING (track_id)
