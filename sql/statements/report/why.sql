-- At most one row, of the track $platform/$track_id: all that its stages know of it, under the names they have there.
-- Each table is asked for this one track; the views would make their rows for all.
WITH this AS (
    FROM track WHERE platform = $platform AND track_id = $track_id
),
run AS (
    FROM current_score_run
),
sound AS (
    FROM audio WHERE platform = $platform AND track_id = $track_id
),
shared AS (
    SELECT list(a.platform || '/' || a.track_id ORDER BY ALL) AS shared_with
    FROM audio AS a
    JOIN sound AS s USING (sha256)
    WHERE (a.platform, a.track_id) <> ($platform, $track_id)
),
counts AS (
    SELECT
        arg_max(plays, (observed_at, recorded_at)) FILTER (plays IS NOT NULL) AS plays,
        arg_max(likes, (observed_at, recorded_at)) FILTER (likes IS NOT NULL) AS likes
    FROM engagement
    WHERE platform = $platform AND track_id = $track_id
),
labels AS (
    SELECT *, list(labeller ORDER BY labeller) OVER () AS labellers
    FROM aesthetic
    WHERE platform = $platform AND track_id = $track_id
    ORDER BY labelled_at DESC, labeller
    LIMIT 1
)
SELECT
    t.platform, t.track_id, t.title, t.creator_name, t.created_at, t.first_observed_at, t.last_observed_at,
    t.status, t.state, t.kind, t.is_public, t.audio_url, coalesce(t.seen.status, t.last_observed_at) AS status_at,
    EXISTS (FROM eligible_track AS e WHERE e.platform = t.platform AND e.track_id = t.track_id) AS eligible,
    n.plays, n.likes,
    nullif(coalesce(t.plays_at, t.last_observed_at), TIMESTAMPTZ 'epoch') AS plays_at,
    nullif(coalesce(t.likes_at, t.last_observed_at), TIMESTAMPTZ 'epoch') AS likes_at,
    r.score_run_id, r.definition, r.as_of AS scored_at, s.cohort, s.score_streams, s.score_likes,
    a.state AS audio_state, a.reason AS audio_reason, a.origin, a.uri, a.codec, a.duration_s, a.attempts,
    a.checked_at, a.next_try_at, a.sha256, h.shared_with,
    d.encoder_id, m.state AS embedding_state, m.reason AS embedding_reason, m.segments, b.adopted_at,
    l.labeller, l.labellers, l.labelled_at, l.coherence, l.musicality, l.memorability, l.clarity, l.naturalness,
    x.split, x.group_key, x.quarantined, x.assigned_at,
    c.version AS champion, c.set_at AS champion_since, p.version AS predicted_by,
    p.score_streams AS predicted_streams, p.score_likes AS predicted_likes
FROM this AS t
CROSS JOIN counts AS n
CROSS JOIN shared AS h
LEFT JOIN current_encoder AS d ON true
LEFT JOIN run AS r ON true
LEFT JOIN engagement_score AS s
    ON s.score_run_id = r.score_run_id AND s.platform = $platform AND s.track_id = $track_id
LEFT JOIN sound AS a ON true
LEFT JOIN embedding AS m ON m.sha256 = a.sha256 AND m.encoder_id = d.encoder_id
LEFT JOIN embedding_shard AS b ON b.encoder_id = m.encoder_id AND b.shard_id = m.shard_id
LEFT JOIN labels AS l ON true
LEFT JOIN split AS x ON x.platform = $platform AND x.track_id = $track_id
LEFT JOIN champion AS c ON true
LEFT JOIN prediction AS p ON p.version = c.version AND p.sha256 = a.sha256
