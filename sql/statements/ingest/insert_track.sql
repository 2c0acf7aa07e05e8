-- One row a track that comes once and is new. What one record said was said at one time, and seen need not repeat it,
-- unless the status is only assumed. NOT IN: a join would be built on its wide side, and written by one thread.
INSERT INTO track BY NAME
SELECT
    $platform AS platform, track_id, coalesce(status, 'active') AS status,
    title, creator_id, creator_name, created_at, duration_s, tags, lyrics, prompt, model_family, model_name, kind,
    state, is_public, audio_url, parent_id, root_id, extra,
    CASE WHEN status IS NULL THEN said_at(
        observed_at, NULL::VARCHAR,
        title, creator_id, creator_name, created_at, duration_s, tags, lyrics, prompt, model_family, model_name,
        kind, state, is_public, audio_url, parent_id, root_id, extra
    ) END AS seen,
    observed_at AS first_observed_at, observed_at AS last_observed_at,
    CASE WHEN status IS NOT NULL THEN content_of(
        status, title, creator_id, creator_name, created_at, duration_s, tags, lyrics, prompt, model_family,
        model_name, kind, state, is_public, audio_url, parent_id, root_id, extra
    ) END AS content
FROM stage_good
WHERE track_id NOT IN (
    SELECT track_id FROM stage_repeated
    UNION ALL
    SELECT track_id FROM stage_single WHERE NOT is_new
)
