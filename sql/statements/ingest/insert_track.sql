-- One row a track that comes once and is new. What one record says is said at one time, which
-- seen need not repeat. NOT IN: a join would be built on its wide side, and written by one thread.
INSERT INTO track BY NAME
SELECT
    $platform AS platform, track_id, status,
    title, creator_id, creator_name, created_at, duration_s, tags, lyrics, prompt, model_family, model_name, kind,
    state, is_public, audio_url, parent_id, root_id, extra,
    observed_at AS first_observed_at, observed_at AS last_observed_at,
    CASE WHEN plays IS NULL THEN 'epoch'::TIMESTAMPTZ END AS plays_at,
    CASE WHEN likes IS NULL THEN 'epoch'::TIMESTAMPTZ END AS likes_at,
    content_of(
        status, title, creator_id, creator_name, created_at, duration_s, tags, lyrics, prompt, model_family,
        model_name, kind, state, is_public, audio_url, parent_id, root_id, extra
    ) AS content
FROM stage_good
WHERE track_id NOT IN (
    SELECT track_id FROM stage_repeated
    UNION ALL
    SELECT track_id FROM stage_single WHERE NOT is_new
)
