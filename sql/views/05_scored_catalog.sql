-- One row a track: identity, age, latest counts and their growth, scores, the champion's predictions and what is left of
-- the scores beside them, labels, and how far the track has come in each stage, with the reason where it stopped.
CREATE OR REPLACE VIEW scored_catalog AS
WITH counted AS (
    -- The latest counts are those of engagement_latest, read in the same pass as the histories, which growth looks back
    -- into; a query that asks for no growth collects none.
    SELECT
        platform,
        track_id,
        arg_max(plays, moment) FILTER (plays IS NOT NULL) AS plays,
        arg_max(likes, moment) FILTER (likes IS NOT NULL) AS likes,
        max(observed_at) AS observed_at,
        count(*) AS observations,
        list({seen_at: observed_at, plays: plays} ORDER BY moment)
            FILTER (plays IS NOT NULL) AS plays_history,
        list({seen_at: observed_at, likes: likes} ORDER BY moment)
            FILTER (likes IS NOT NULL) AS likes_history
    FROM (
        SELECT *, epoch_us(observed_at)::HUGEINT * 1000000000000000000 + epoch_us(recorded_at) AS moment FROM engagement
    )
    GROUP BY platform, track_id
),
told AS (
    SELECT
        platform,
        track_id,
        CASE
            WHEN status <> 'active' THEN status
            WHEN state IS DISTINCT FROM 'complete' THEN coalesce(state, 'state unknown')
            WHEN NOT coalesce(is_public, true) THEN 'private'
            WHEN kind IN ('preview', 'stem', 'gen_stem', 'rendered_context_window') THEN 'a ' || kind
        END AS not_eligible,
        -- 'epoch' says that a counter was never stated.
        nullif(coalesce(plays_at, last_observed_at), TIMESTAMPTZ 'epoch') AS plays_at,
        nullif(coalesce(likes_at, last_observed_at), TIMESTAMPTZ 'epoch') AS likes_at,
        COLUMNS(* EXCLUDE (platform, track_id, plays_at, likes_at))
    FROM track
)
SELECT
    t.platform,
    t.track_id,
    t.title,
    t.creator_id,
    t.creator_name,
    t.model_family,
    t.model_name,
    t.kind,
    t.tags,
    t.created_at,
    t.duration_s,
    t.status,
    t.state,
    epoch_us(t.last_observed_at - t.created_at) / 86400e6 AS age_days,
    e.plays,
    e.likes,
    e.observed_at,
    t.first_observed_at,
    t.last_observed_at,
    if(e.plays IS NULL, NULL, t.plays_at) AS plays_at,
    if(e.likes IS NULL, NULL, t.likes_at) AS likes_at,
    e.observations,
    -- Less than half a day between two looks is no base for a rate a day.
    CASE WHEN t.plays_at - e.plays_history[1].seen_at >= to_hours(12)
        THEN (
            e.plays
            - list_filter(
                e.plays_history, lambda o: o.seen_at <= greatest(t.plays_at - to_days(7), e.plays_history[1].seen_at)
            )[-1].plays
        ) / least(epoch_us(t.plays_at - e.plays_history[1].seen_at) / 86400e6, 7)
    END AS plays_per_day,
    CASE WHEN t.likes_at - e.likes_history[1].seen_at >= to_hours(12)
        THEN (
            e.likes
            - list_filter(
                e.likes_history, lambda o: o.seen_at <= greatest(t.likes_at - to_days(7), e.likes_history[1].seen_at)
            )[-1].likes
        ) / least(epoch_us(t.likes_at - e.likes_history[1].seen_at) / 86400e6, 7)
    END AS likes_per_day,
    s.cohort,
    s.score_streams,
    s.score_likes,
    s.streams_percentile,
    s.likes_percentile,
    p.score_streams AS predicted_streams,
    p.score_likes AS predicted_likes,
    p.coherence AS predicted_coherence,
    p.musicality AS predicted_musicality,
    p.memorability AS predicted_memorability,
    p.clarity AS predicted_clarity,
    p.naturalness AS predicted_naturalness,
    s.score_streams - p.score_streams AS residual_streams,
    s.score_likes - p.score_likes AS residual_likes,
    l.coherence,
    l.musicality,
    l.memorability,
    l.clarity,
    l.naturalness,
    l.labeller,
    l.labelled_at,
    t.not_eligible IS NULL AS eligible,
    t.not_eligible AS eligible_reason,
    if(s.platform IS NULL, 'not scored', 'scored') AS score_state,
    CASE
        WHEN s.platform IS NOT NULL THEN NULL
        WHEN t.not_eligible IS NOT NULL THEN 'not eligible'
        WHEN e.plays IS NULL AND e.likes IS NULL THEN 'no counts'
        WHEN r.score_run_id IS NULL THEN 'no score run yet'
        ELSE 'left out by the definition, or new since the run'
    END AS score_reason,
    a.state AS audio_state,
    a.reason AS audio_reason,
    a.next_try_at AS audio_next_try_at,
    a.sha256,
    m.state AS embedding_state,
    m.reason AS embedding_reason,
    if(coalesce(l.coherence, l.musicality, l.memorability, l.clarity, l.naturalness) IS NULL, 'not labelled', 'labelled')
        AS label_state,
    if(p.sha256 IS NULL, 'not predicted', 'predicted') AS prediction_state,
    CASE
        WHEN p.sha256 IS NOT NULL THEN NULL
        WHEN a.sha256 IS NULL THEN 'no audio'
        WHEN m.state IS DISTINCT FROM 'embedded' THEN 'not embedded'
        WHEN c.version IS NULL THEN 'no champion yet'
        ELSE 'not predicted yet'
    END AS prediction_reason,
    x.split,
    x.quarantined,
    r.score_run_id,
    r.as_of,
    c.version AS model_version,
    n.encoder_id
FROM told AS t
LEFT JOIN counted AS e USING (platform, track_id)
LEFT JOIN current_score_run AS r ON true
LEFT JOIN engagement_score AS s
    ON s.score_run_id = r.score_run_id AND s.platform = t.platform AND s.track_id = t.track_id
LEFT JOIN audio AS a ON a.platform = t.platform AND a.track_id = t.track_id
LEFT JOIN champion AS c ON true
LEFT JOIN current_encoder AS n ON true
LEFT JOIN embedding AS m ON m.sha256 = a.sha256 AND m.encoder_id = n.encoder_id
LEFT JOIN prediction AS p ON p.sha256 = a.sha256 AND p.version = c.version
LEFT JOIN (
    SELECT DISTINCT ON (platform, track_id) * FROM aesthetic ORDER BY platform, track_id, labelled_at DESC, labeller
) AS l ON l.platform = t.platform AND l.track_id = t.track_id
LEFT JOIN split AS x ON x.platform = t.platform AND x.track_id = t.track_id;
COMMENT ON VIEW scored_catalog IS 'The scored catalog: one row a track, whatever is known of it.';
COMMENT ON COLUMN scored_catalog.platform IS 'suno or udio; with track_id the key of a track.';
COMMENT ON COLUMN scored_catalog.track_id IS 'The platform''s id of the track; ids repeat across platforms.';
COMMENT ON COLUMN scored_catalog.title IS 'Title; null when never stated.';
COMMENT ON COLUMN scored_catalog.creator_id IS 'The platform''s id of the creator; null when never stated.';
COMMENT ON COLUMN scored_catalog.creator_name IS 'Display name of the creator as last stated; null when never stated.';
COMMENT ON COLUMN scored_catalog.model_family IS 'Family of the platform model that made the song, as chirp-v4; null when never stated.';
COMMENT ON COLUMN scored_catalog.model_name IS 'Exact name of that model; null when never stated.';
COMMENT ON COLUMN scored_catalog.kind IS 'gen, concat, edit_*, upload, stem, preview …; null when never stated (then taken for a song).';
COMMENT ON COLUMN scored_catalog.tags IS 'Style tags, as a list; null when never stated.';
COMMENT ON COLUMN scored_catalog.created_at IS 'When the song was published; null when never stated.';
COMMENT ON COLUMN scored_catalog.duration_s IS 'Length in seconds as the platform states it; null when never stated.';
COMMENT ON COLUMN scored_catalog.status IS 'active, unavailable (gone from the platform) or tombstone (removed for good).';
COMMENT ON COLUMN scored_catalog.state IS 'complete, unfinished or error; null when never stated.';
COMMENT ON COLUMN scored_catalog.age_days IS 'Days between publication and the last look; null when created_at is.';
COMMENT ON COLUMN scored_catalog.plays IS 'Latest stated count of plays; null when never stated.';
COMMENT ON COLUMN scored_catalog.likes IS 'Latest stated count of likes; null when never stated.';
COMMENT ON COLUMN scored_catalog.observed_at IS 'When a counter was last seen changed; null when none was ever stated.';
COMMENT ON COLUMN scored_catalog.first_observed_at IS 'When the track was first looked at.';
COMMENT ON COLUMN scored_catalog.last_observed_at IS 'When the track was last looked at, whether or not anything had changed.';
COMMENT ON COLUMN scored_catalog.plays_at IS 'When plays was last stated, changed or not; null when never.';
COMMENT ON COLUMN scored_catalog.likes_at IS 'When likes was last stated, changed or not; null when never.';
COMMENT ON COLUMN scored_catalog.observations IS 'How many looks found a counter changed, the first one included; null when none was ever stated.';
COMMENT ON COLUMN scored_catalog.plays_per_day IS 'Average plays gained a day over the 7 days before plays_at, or since the first count where there are fewer; negative where the counter was corrected; null when less than half a day lies between.';
COMMENT ON COLUMN scored_catalog.likes_per_day IS 'Average likes gained a day over the 7 days before likes_at; as plays_per_day.';
COMMENT ON COLUMN scored_catalog.cohort IS 'The group whose tracks it was compared with, by default its platform; null when not scored.';
COMMENT ON COLUMN scored_catalog.score_streams IS 'Popularity by plays, 0 to 100, within the cohort; null when not scored or plays unknown.';
COMMENT ON COLUMN scored_catalog.score_likes IS 'Popularity by likes, 0 to 100, within the cohort; null when not scored or likes unknown.';
COMMENT ON COLUMN scored_catalog.streams_percentile IS 'Share of the cohort below its plays (ties half), 0 to 1; null as score_streams, and where zeros are excluded.';
COMMENT ON COLUMN scored_catalog.likes_percentile IS 'Share of the cohort below its likes (ties half), 0 to 1; null as score_likes, and where zeros are excluded.';
COMMENT ON COLUMN scored_catalog.predicted_streams IS 'The champion''s prediction of score_streams from the audio alone, 0 to 100; null when not predicted.';
COMMENT ON COLUMN scored_catalog.predicted_likes IS 'The champion''s prediction of score_likes from the audio alone, 0 to 100; null when not predicted.';
COMMENT ON COLUMN scored_catalog.predicted_coherence IS 'The champion''s prediction of overall coherence, 1 to 5; null when not predicted or the champion predicts popularity alone.';
COMMENT ON COLUMN scored_catalog.predicted_musicality IS 'The champion''s prediction of overall musicality, 1 to 5; null when not predicted or the champion predicts popularity alone.';
COMMENT ON COLUMN scored_catalog.predicted_memorability IS 'The champion''s prediction of memorability, 1 to 5; null when not predicted or the champion predicts popularity alone.';
COMMENT ON COLUMN scored_catalog.predicted_clarity IS 'The champion''s prediction of clarity of song structure, 1 to 5; null when not predicted or the champion predicts popularity alone.';
COMMENT ON COLUMN scored_catalog.predicted_naturalness IS 'The champion''s prediction of naturalness of vocal breathing and phrasing, 1 to 5; null when not predicted or the champion predicts popularity alone.';
COMMENT ON COLUMN scored_catalog.residual_streams IS 'score_streams - predicted_streams, in points: positive when played more than its audio promises, negative when less; null when either is.';
COMMENT ON COLUMN scored_catalog.residual_likes IS 'score_likes - predicted_likes, in points: positive when liked more than its audio promises, negative when less; null when either is.';
COMMENT ON COLUMN scored_catalog.coherence IS 'Label: overall coherence, 1 to 5; null when not labelled.';
COMMENT ON COLUMN scored_catalog.musicality IS 'Label: overall musicality, 1 to 5; null when not labelled.';
COMMENT ON COLUMN scored_catalog.memorability IS 'Label: memorability, 1 to 5; null when not labelled.';
COMMENT ON COLUMN scored_catalog.clarity IS 'Label: clarity of song structure, 1 to 5; null when not labelled.';
COMMENT ON COLUMN scored_catalog.naturalness IS 'Label: naturalness of vocal breathing and phrasing, 1 to 5; null when not labelled.';
COMMENT ON COLUMN scored_catalog.labeller IS 'Who made these labels; of several the one who did last: aesthetic has them all, side by side. Null when not labelled.';
COMMENT ON COLUMN scored_catalog.labelled_at IS 'When those labels were imported; null when not labelled.';
COMMENT ON COLUMN scored_catalog.eligible IS 'Whether audio, scores and training look at it (eligible_track).';
COMMENT ON COLUMN scored_catalog.eligible_reason IS 'Why not: its status, its state, private, or its kind; null when eligible.';
COMMENT ON COLUMN scored_catalog.score_state IS 'scored or not scored, by the current score run.';
COMMENT ON COLUMN scored_catalog.score_reason IS 'Why not; null when scored.';
COMMENT ON COLUMN scored_catalog.audio_state IS 'available, unavailable, corrupt …; null when not looked for yet.';
COMMENT ON COLUMN scored_catalog.audio_reason IS 'Why there is no audio; null when there is, or when not looked for yet.';
COMMENT ON COLUMN scored_catalog.audio_next_try_at IS 'When missing audio is looked for again; null when never by itself.';
COMMENT ON COLUMN scored_catalog.sha256 IS 'Hash of the audio: the key of embedding, prediction and vectors.song_vector; null without audio.';
COMMENT ON COLUMN scored_catalog.embedding_state IS 'embedded or failed, for encoder_id; null when not encoded yet.';
COMMENT ON COLUMN scored_catalog.embedding_reason IS 'Why it failed; null when it did not.';
COMMENT ON COLUMN scored_catalog.label_state IS 'labelled (at least one dimension) or not labelled.';
COMMENT ON COLUMN scored_catalog.prediction_state IS 'predicted or not predicted, by model_version.';
COMMENT ON COLUMN scored_catalog.prediction_reason IS 'Why not: the first stage that is missing; null when predicted.';
COMMENT ON COLUMN scored_catalog.split IS 'train, val or test; null when not assigned yet.';
COMMENT ON COLUMN scored_catalog.quarantined IS 'True when its lineage, known later, belongs to another split: it is used in nothing; null when not assigned yet.';
COMMENT ON COLUMN scored_catalog.score_run_id IS 'The current score run; null before the first one.';
COMMENT ON COLUMN scored_catalog.as_of IS 'The moment that stood for now in that score run; null before the first one.';
COMMENT ON COLUMN scored_catalog.model_version IS 'The champion whose predictions these are; null before the first one.';
COMMENT ON COLUMN scored_catalog.encoder_id IS 'The encoder that embedding_state is about: the champion''s, before the first one the newest; null before the first one.';
