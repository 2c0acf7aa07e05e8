-- One row a track that can be trained or tested on, in a fixed order. Audio that stands on two sides is left out.
SELECT
    t.platform,
    t.track_id,
    a.sha256,
    m.shard_id,
    x.split,
    s.score_streams,
    s.score_likes,
    l.coherence,
    l.musicality,
    l.memorability,
    l.clarity,
    l.naturalness
FROM eligible_track AS t
JOIN current_score_run AS r ON true
JOIN engagement_score AS s
    ON s.score_run_id = r.score_run_id AND s.platform = t.platform AND s.track_id = t.track_id
JOIN audio AS a ON a.platform = t.platform AND a.track_id = t.track_id AND a.state = 'available'
JOIN embedding AS m ON m.encoder_id = $encoder_id AND m.sha256 = a.sha256 AND m.state = 'embedded'
JOIN split AS x ON x.platform = t.platform AND x.track_id = t.track_id AND NOT x.quarantined
LEFT JOIN aesthetic AS l ON l.platform = t.platform AND l.track_id = t.track_id AND l.labeller = $labeller
QUALIFY count(DISTINCT x.split) OVER (PARTITION BY a.sha256) = 1
ORDER BY t.platform, t.track_id
