-- One row a track of the run: of every field the newest value that is not null, and in seen when it was said; at
-- equal times the greater value, so that neither order nor paging matters. Most tracks come once and skip the
-- aggregation.
CREATE OR REPLACE TEMP TABLE stage_statement AS
WITH good AS (
    SELECT
        observed_at, track_id,
        status, title, creator_id, creator_name, created_at, duration_s, tags, lyrics, prompt, model_family,
        model_name, kind, state, is_public, audio_url, parent_id, root_id, extra
    FROM stage_row
    WHERE reason IS NULL AND NOT skipped
),
single AS (
    SELECT track_id FROM good GROUP BY track_id HAVING count(*) = 1
),
folded AS (
    SELECT
        track_id, count(*) AS records, min(observed_at) AS first_observed_at, max(observed_at) AS last_observed_at,
        max(CASE WHEN COLUMNS(* EXCLUDE (observed_at, track_id)) IS NOT NULL
            THEN struct_pack(t := observed_at, v := COLUMNS(* EXCLUDE (observed_at, track_id))) END)
    FROM good ANTI JOIN single USING (track_id)
    GROUP BY track_id
)
SELECT
    track_id, 1::BIGINT AS records, observed_at AS first_observed_at, observed_at AS last_observed_at,
    COLUMNS(* EXCLUDE (observed_at, track_id)),
    struct_pack(
            status := CASE WHEN status IS NOT NULL THEN observed_at END,
            title := CASE WHEN title IS NOT NULL THEN observed_at END,
            creator_id := CASE WHEN creator_id IS NOT NULL THEN observed_at END,
            creator_name := CASE WHEN creator_name IS NOT NULL THEN observed_at END,
            created_at := CASE WHEN created_at IS NOT NULL THEN observed_at END,
            duration_s := CASE WHEN duration_s IS NOT NULL THEN observed_at END,
            tags := CASE WHEN tags IS NOT NULL THEN observed_at END,
            lyrics := CASE WHEN lyrics IS NOT NULL THEN observed_at END,
            prompt := CASE WHEN prompt IS NOT NULL THEN observed_at END,
            model_family := CASE WHEN model_family IS NOT NULL THEN observed_at END,
            model_name := CASE WHEN model_name IS NOT NULL THEN observed_at END,
            kind := CASE WHEN kind IS NOT NULL THEN observed_at END,
            state := CASE WHEN state IS NOT NULL THEN observed_at END,
            is_public := CASE WHEN is_public IS NOT NULL THEN observed_at END,
            audio_url := CASE WHEN audio_url IS NOT NULL THEN observed_at END,
            parent_id := CASE WHEN parent_id IS NOT NULL THEN observed_at END,
            root_id := CASE WHEN root_id IS NOT NULL THEN observed_at END,
            extra := CASE WHEN extra IS NOT NULL THEN observed_at END
    ) AS seen
FROM good SEMI JOIN single USING (track_id)
UNION ALL
SELECT
    track_id, records, first_observed_at, last_observed_at,
    struct_extract(COLUMNS(* EXCLUDE (track_id, records, first_observed_at, last_observed_at)), 'v'),
    struct_pack(
        status := status.t, title := title.t, creator_id := creator_id.t, creator_name := creator_name.t,
        created_at := created_at.t, duration_s := duration_s.t, tags := tags.t, lyrics := lyrics.t, prompt :=
        prompt.t, model_family := model_family.t, model_name := model_name.t, kind := kind.t, state := state.t,
        is_public := is_public.t, audio_url := audio_url.t, parent_id := parent_id.t, root_id := root_id.t,
        extra := extra.t
    )
FROM folded
