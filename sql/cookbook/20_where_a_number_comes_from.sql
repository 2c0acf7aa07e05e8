-- Where does this prediction come from?
-- Read: one row a model that predicted the song, the champion first: from the number back to the audio, its vector's
-- shard, the encoder, the weights, what they learnt from, and the code that made them; reason: why it was promoted or not.
-- Change: platform and track_id (null: the track of the highest prediction).
WITH params AS (
    SELECT NULL::VARCHAR AS platform, NULL::VARCHAR AS track_id
),
this AS (
    SELECT c.platform, c.track_id, c.title
    FROM scored_catalog AS c, params AS p
    WHERE c.platform = coalesce(p.platform, c.platform) AND c.track_id = coalesce(p.track_id, c.track_id)
    ORDER BY c.predicted_streams DESC NULLS LAST, c.platform, c.track_id
    LIMIT 1
)
SELECT
    t.title,
    round(p.score_streams, 2) AS predicted_streams,
    l.version,
    h.is_champion,
    l.sha256 AS audio_sha256,
    l.encoder_id,
    l.shard_id,
    l.weights_sha256,
    l.condition,
    l.training_set_id,
    len(h.training_shards) AS training_shards,
    l.score_run_id,
    l.as_of AS scores_as_of,
    l.apex_version,
    l.code_version,
    h.decision,
    h.reason
FROM this AS t
JOIN lineage AS l ON l.platform = t.platform AND l.track_id = t.track_id
JOIN prediction AS p ON p.version = l.version AND p.sha256 = l.sha256
JOIN model_history AS h ON h.version = l.version
ORDER BY h.is_champion DESC, h.created_at DESC, l.version;
