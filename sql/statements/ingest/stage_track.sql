-- One row a track of stage_statement, as it will be: what is known and what is said, merged field by field. changed:
-- some column other than the observation times differs.
CREATE OR REPLACE TEMP TABLE stage_track AS
WITH known AS (
    SELECT
        * REPLACE (coalesce(seen, said_at(
            last_observed_at,
            status, title, creator_id, creator_name, created_at, duration_s, tags, lyrics, prompt, model_family,
            model_name, kind, state, is_public, audio_url, parent_id, root_id, extra
        )) AS seen)
    FROM track
    SEMI JOIN stage_statement USING (track_id)
    WHERE platform = $platform
),
merged AS (
    SELECT
        s.track_id, s.records, t.track_id IS NULL AS is_new,
        least(t.first_observed_at, s.first_observed_at) AS first_observed_at,
        greatest(t.last_observed_at, s.last_observed_at) AS last_observed_at,
        nullif(
            coalesce(greatest(coalesce(t.plays_at, t.last_observed_at), s.plays_at), 'epoch'),
            greatest(t.last_observed_at, s.last_observed_at)) AS plays_at,
        nullif(
            coalesce(greatest(coalesce(t.likes_at, t.last_observed_at), s.likes_at), 'epoch'),
            greatest(t.last_observed_at, s.last_observed_at)) AS likes_at,
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
            status := greatest(t.seen.status, s.seen.status), title := greatest(t.seen.title, s.seen.title),
            creator_id := greatest(t.seen.creator_id, s.seen.creator_id),
            creator_name := greatest(t.seen.creator_name, s.seen.creator_name),
            created_at := greatest(t.seen.created_at, s.seen.created_at),
            duration_s := greatest(t.seen.duration_s, s.seen.duration_s), tags := greatest(t.seen.tags, s.seen.tags),
            lyrics := greatest(t.seen.lyrics, s.seen.lyrics), prompt := greatest(t.seen.prompt, s.seen.prompt),
            model_family := greatest(t.seen.model_family, s.seen.model_family),
            model_name := greatest(t.seen.model_name, s.seen.model_name), kind := greatest(t.seen.kind, s.seen.kind),
            state := greatest(t.seen.state, s.seen.state), is_public := greatest(t.seen.is_public, s.seen.is_public),
            audio_url := greatest(t.seen.audio_url, s.seen.audio_url),
            parent_id := greatest(t.seen.parent_id, s.seen.parent_id),
            root_id := greatest(t.seen.root_id, s.seen.root_id), extra := greatest(t.seen.extra, s.seen.extra)
        ) AS said,
        (
            t.status, t.title, t.creator_id, t.creator_name, t.created_at, t.duration_s, t.tags, t.lyrics, t.prompt,
            t.model_family, t.model_name, t.kind, t.state, t.is_public, t.audio_url, t.parent_id, t.root_id, t.extra
        ) AS before
    FROM stage_statement AS s
    LEFT JOIN known AS t USING (track_id)
),
final AS (
    SELECT
        * REPLACE (coalesce(status, 'active') AS status),
        said.status IS NOT NULL AND said = said_at(
            last_observed_at,
            status, title, creator_id, creator_name, created_at, duration_s, tags, lyrics, prompt, model_family,
            model_name, kind, state, is_public, audio_url, parent_id, root_id, extra
        ) AS is_whole
    FROM merged
)
SELECT
    * EXCLUDE (said, before, is_whole),
    CASE WHEN NOT is_whole THEN said END AS seen,
    CASE WHEN is_whole THEN content_of(
        status, title, creator_id, creator_name, created_at, duration_s, tags, lyrics, prompt, model_family,
        model_name, kind, state, is_public, audio_url, parent_id, root_id, extra
    ) END AS content,
    (
        status, title, creator_id, creator_name, created_at, duration_s, tags, lyrics, prompt, model_family,
        model_name, kind, state, is_public, audio_url, parent_id, root_id, extra
    ) IS DISTINCT FROM before AS changed
FROM final
