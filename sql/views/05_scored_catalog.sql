-- One row a track: identity, latest counts, scores, the champion's predictions, labels, where it stands.
CREATE OR REPLACE VIEW scored_catalog AS
SELECT
    t.platform,
    t.track_id,
    t.title,
    t.creator_id,
    t.creator_name,
    t.model_family,
    t.kind,
    t.tags,
    t.created_at,
    t.duration_s,
    t.status,
    t.state,
    e.plays,
    e.likes,
    e.observed_at,
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
    a.state AS audio_state,
    a.reason AS audio_reason,
    a.sha256,
    m.state AS embedding_state,
    m.reason AS embedding_reason,
    x.split,
    x.quarantined,
    r.score_run_id,
    r.as_of,
    c.version AS model_version
FROM track AS t
LEFT JOIN engagement_latest AS e USING (platform, track_id)
LEFT JOIN current_score_run AS r ON true
LEFT JOIN engagement_score AS s
    ON s.score_run_id = r.score_run_id AND s.platform = t.platform AND s.track_id = t.track_id
LEFT JOIN audio AS a ON a.platform = t.platform AND a.track_id = t.track_id
LEFT JOIN champion AS c ON true
-- Before the first champion, embeddings are those of the newest encoder.
LEFT JOIN (SELECT encoder_id FROM encoder ORDER BY first_used_at DESC, encoder_id LIMIT 1) AS n ON true
LEFT JOIN embedding AS m ON m.sha256 = a.sha256 AND m.encoder_id = coalesce(c.encoder_id, n.encoder_id)
LEFT JOIN prediction AS p ON p.sha256 = a.sha256 AND p.version = c.version
LEFT JOIN (
    SELECT DISTINCT ON (platform, track_id) * FROM aesthetic ORDER BY platform, track_id, labelled_at DESC, labeller
) AS l ON l.platform = t.platform AND l.track_id = t.track_id
LEFT JOIN split AS x ON x.platform = t.platform AND x.track_id = t.track_id;
COMMENT ON VIEW scored_catalog IS 'The scored catalog: one row a track.';
