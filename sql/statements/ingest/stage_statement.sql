-- One row a track of stage_several, what is said of it put together: of every field the newest value that is not null,
-- and in seen when it was said; at equal times the greater value, so that neither order nor paging matters.
CREATE OR REPLACE TEMP TABLE stage_statement AS
WITH folded AS (
    SELECT
        track_id, count(*) AS records, min(observed_at) AS first_observed_at, max(observed_at) AS last_observed_at,
        max(observed_at) FILTER (plays IS NOT NULL) AS plays_at, max(observed_at) FILTER (likes IS NOT NULL) AS likes_at,
        max(CASE WHEN COLUMNS(* EXCLUDE (observed_at, track_id, plays, likes)) IS NOT NULL
            THEN struct_pack(
                t := observed_at, v := COLUMNS(* EXCLUDE (observed_at, track_id, plays, likes))) END)
    FROM stage_good
    SEMI JOIN stage_several USING (track_id)
    GROUP BY track_id
)
SELECT
    track_id, records, first_observed_at, last_observed_at, plays_at, likes_at,
    struct_extract(
        COLUMNS(* EXCLUDE (track_id, records, first_observed_at, last_observed_at, plays_at, likes_at)), 'v'),
    struct_pack(
        status := status.t, title := title.t, creator_id := creator_id.t, creator_name := creator_name.t,
        created_at := created_at.t, duration_s := duration_s.t, tags := tags.t, lyrics := lyrics.t,
        prompt := prompt.t, model_family := model_family.t, model_name := model_name.t, kind := kind.t,
        state := state.t, is_public := is_public.t, audio_url := audio_url.t, parent_id := parent_id.t,
        root_id := root_id.t, extra := extra.t
    ) AS seen
FROM folded
