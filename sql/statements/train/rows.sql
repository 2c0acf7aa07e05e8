-- One row a track that can be trained or tested on, in a fixed order. Audio that has ever stood on two sides, by whichever
-- tracks, is left out. group_id and root_id are hashes: the ids of creators and roots who are forgotten stay nowhere.
WITH torn AS (
    SELECT a.sha256
    FROM audio AS a
    JOIN split AS x USING (platform, track_id)
    WHERE a.sha256 IS NOT NULL
    GROUP BY a.sha256
    HAVING count(DISTINCT x.split) > 1
),
label AS (
    -- Of $labellers, the preferred one first: in each dimension what the first of them says, or their $combine.
    SELECT
        platform,
        track_id,
        CASE $combine WHEN 'mean' THEN round(avg(coherence), 4) ELSE arg_min(coherence, place) END AS coherence,
        CASE $combine WHEN 'mean' THEN round(avg(musicality), 4) ELSE arg_min(musicality, place) END AS musicality,
        CASE $combine WHEN 'mean' THEN round(avg(memorability), 4) ELSE arg_min(memorability, place) END AS memorability,
        CASE $combine WHEN 'mean' THEN round(avg(clarity), 4) ELSE arg_min(clarity, place) END AS clarity,
        CASE $combine WHEN 'mean' THEN round(avg(naturalness), 4) ELSE arg_min(naturalness, place) END AS naturalness
    FROM (SELECT *, list_position($labellers, labeller) AS place FROM aesthetic)
    WHERE place > 0
    GROUP BY platform, track_id
)
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
    l.naturalness,
    left(sha256(x.group_key), 16) AS group_id,
    left(sha256(t.platform || ':' || coalesce(t.root_id, t.track_id)), 16) AS root_id,
    t.model_family,
    t.created_at,
    coalesce(a.duration_s, t.duration_s) AS duration_s
FROM eligible_track AS t
JOIN current_score_run AS r ON true
JOIN engagement_score AS s
    ON s.score_run_id = r.score_run_id AND s.platform = t.platform AND s.track_id = t.track_id
JOIN audio AS a ON a.platform = t.platform AND a.track_id = t.track_id AND a.state = 'available'
JOIN embedding AS m ON m.encoder_id = $encoder_id AND m.sha256 = a.sha256 AND m.state = 'embedded'
JOIN split AS x ON x.platform = t.platform AND x.track_id = t.track_id AND NOT x.quarantined
LEFT JOIN label AS l ON l.platform = t.platform AND l.track_id = t.track_id
ANTI JOIN torn ON torn.sha256 = a.sha256
ORDER BY t.platform, t.track_id
