-- One row a track of the run, as it will be: existing and new statements merged field by field. changed: some column other
-- than the observation times differs. A root nobody named is the parent; it stays derived and is not a statement.
CREATE OR REPLACE TEMP TABLE stage_track AS
WITH merged AS (
    SELECT
        s.track_id, s.records,
        least(t.first_observed_at, s.first_observed_at) AS first_observed_at,
        greatest(t.last_observed_at, s.last_observed_at) AS last_observed_at,
        newest(stated(t.seen.status, t.status), s.status) AS status,
        newest(stated(t.seen.title, t.title), s.title) AS title,
        newest(stated(t.seen.creator_id, t.creator_id), s.creator_id) AS creator_id,
        newest(stated(t.seen.creator_name, t.creator_name), s.creator_name) AS creator_name,
        newest(stated(t.seen.created_at, t.created_at), s.created_at) AS created_at,
        newest(stated(t.seen.duration_s, t.duration_s), s.duration_s) AS duration_s,
        newest(stated(t.seen.tags, t.tags), s.tags) AS tags,
        newest(stated(t.seen.lyrics, t.lyrics), s.lyrics) AS lyrics,
        newest(stated(t.seen.prompt, t.prompt), s.prompt) AS prompt,
        newest(stated(t.seen.model_family, t.model_family), s.model_family) AS model_family,
        newest(stated(t.seen.model_name, t.model_name), s.model_name) AS model_name,
        newest(stated(t.seen.kind, t.kind), s.kind) AS kind,
        newest(stated(t.seen.state, t.state), s.state) AS state,
        newest(stated(t.seen.is_public, t.is_public), s.is_public) AS is_public,
        newest(stated(t.seen.audio_url, t.audio_url), s.audio_url) AS audio_url,
        newest(stated(t.seen.parent_id, t.parent_id), s.parent_id) AS parent_id,
        newest(stated(t.seen.root_id, t.root_id), s.root_id) AS root_id,
        newest(stated(t.seen.extra, t.extra), s.extra) AS extra
    FROM stage_statement s
    LEFT JOIN track t ON t.platform = $platform AND t.track_id = s.track_id
),
final AS (
    SELECT
        track_id, records, first_observed_at, last_observed_at,
        coalesce(status.v, 'active') AS status,
        title.v AS title,
        creator_id.v AS creator_id,
        creator_name.v AS creator_name,
        created_at.v AS created_at,
        duration_s.v AS duration_s,
        tags.v AS tags,
        lyrics.v AS lyrics,
        prompt.v AS prompt,
        model_family.v AS model_family,
        model_name.v AS model_name,
        kind.v AS kind,
        state.v AS state,
        is_public.v AS is_public,
        audio_url.v AS audio_url,
        parent_id.v AS parent_id,
        coalesce(root_id.v, parent_id.v) AS root_id,
        extra.v AS extra,
        struct_pack(
            status := status.t,
            title := title.t,
            creator_id := creator_id.t,
            creator_name := creator_name.t,
            created_at := created_at.t,
            duration_s := duration_s.t,
            tags := tags.t,
            lyrics := lyrics.t,
            prompt := prompt.t,
            model_family := model_family.t,
            model_name := model_name.t,
            kind := kind.t,
            state := state.t,
            is_public := is_public.t,
            audio_url := audio_url.t,
            parent_id := parent_id.t,
            root_id := root_id.t,
            extra := extra.t
        ) AS seen
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
