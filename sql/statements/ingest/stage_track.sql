-- One row a track of the run, as it will be: existing and new statements merged field by field. changed: some column
-- other than the observation times differs. A root nobody named is the parent; it stays derived, no statement.
CREATE OR REPLACE TEMP TABLE stage_track AS
WITH merged AS (
    SELECT
        s.track_id, s.records,
        least(t.first_observed_at, s.first_observed_at) AS first_observed_at,
        greatest(t.last_observed_at, s.last_observed_at) AS last_observed_at,
        newest(t.seen.status, t.status, s.seen.status, s.status) AS status,
        newest(t.seen.title, t.title, s.seen.title, s.title) AS title,
        newest(t.seen.creator_id, t.creator_id, s.seen.creator_id, s.creator_id) AS creator_id,
        newest(t.seen.creator_name, t.creator_name, s.seen.creator_name, s.creator_name) AS creator_name,
        newest(t.seen.created_at, t.created_at, s.seen.created_at, s.created_at) AS created_at,
        newest(t.seen.duration_s, t.duration_s, s.seen.duration_s, s.duration_s) AS duration_s,
        newest(t.seen.tags, t.tags, s.seen.tags, s.tags) AS tags,
        newest(t.seen.lyrics, t.lyrics, s.seen.lyrics, s.lyrics) AS lyrics,
        newest(t.seen.prompt, t.prompt, s.seen.prompt, s.prompt) AS prompt,
        newest(t.seen.model_family, t.model_family, s.seen.model_family, s.model_family) AS model_family,
        newest(t.seen.model_name, t.model_name, s.seen.model_name, s.model_name) AS model_name,
        newest(t.seen.kind, t.kind, s.seen.kind, s.kind) AS kind,
        newest(t.seen.state, t.state, s.seen.state, s.state) AS state,
        newest(t.seen.is_public, t.is_public, s.seen.is_public, s.is_public) AS is_public,
        newest(t.seen.audio_url, t.audio_url, s.seen.audio_url, s.audio_url) AS audio_url,
        newest(t.seen.parent_id, t.parent_id, s.seen.parent_id, s.parent_id) AS parent_id,
        newest(t.seen.root_id, t.root_id, s.seen.root_id, s.root_id) AS root_id,
        newest(t.seen.extra, t.extra, s.seen.extra, s.extra) AS extra,
        struct_pack(
            status := greatest(t.seen.status, s.seen.status),
            title := greatest(t.seen.title, s.seen.title),
            creator_id := greatest(t.seen.creator_id, s.seen.creator_id),
            creator_name := greatest(t.seen.creator_name, s.seen.creator_name),
            created_at := greatest(t.seen.created_at, s.seen.created_at),
            duration_s := greatest(t.seen.duration_s, s.seen.duration_s),
            tags := greatest(t.seen.tags, s.seen.tags),
            lyrics := greatest(t.seen.lyrics, s.seen.lyrics),
            prompt := greatest(t.seen.prompt, s.seen.prompt),
            model_family := greatest(t.seen.model_family, s.seen.model_family),
            model_name := greatest(t.seen.model_name, s.seen.model_name),
            kind := greatest(t.seen.kind, s.seen.kind),
            state := greatest(t.seen.state, s.seen.state),
            is_public := greatest(t.seen.is_public, s.seen.is_public),
            audio_url := greatest(t.seen.audio_url, s.seen.audio_url),
            parent_id := greatest(t.seen.parent_id, s.seen.parent_id),
            root_id := greatest(t.seen.root_id, s.seen.root_id),
            extra := greatest(t.seen.extra, s.seen.extra)
        ) AS seen
    FROM stage_statement s
    LEFT JOIN track t ON t.platform = $platform AND t.track_id = s.track_id
),
final AS (
    SELECT * REPLACE (coalesce(status, 'active') AS status, coalesce(root_id, parent_id) AS root_id)
    FROM merged
)
SELECT
    f.*,
    t.track_id IS NULL AS is_new,
    (
        f.status, f.title, f.creator_id, f.creator_name, f.created_at, f.duration_s, f.tags, f.lyrics, f.prompt,
        f.model_family, f.model_name, f.kind, f.state, f.is_public, f.audio_url, f.parent_id, f.root_id, f.extra
    ) IS DISTINCT FROM (
        t.status, t.title, t.creator_id, t.creator_name, t.created_at, t.duration_s, t.tags, t.lyrics, t.prompt,
        t.model_family, t.model_name, t.kind, t.state, t.is_public, t.audio_url, t.parent_id, t.root_id, t.extra
    ) AS changed
FROM final f
LEFT JOIN track t ON t.platform = $platform AND t.track_id = f.track_id
