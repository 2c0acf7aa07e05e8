-- One row a track near to the song $sha256, nearest first: cosine of their song vectors under $encoder_id, exact. At
-- most $n, eligible ones alone, none with the very same audio. Vectors are read once and compared before anything is
-- joined, so that none is carried along; what is shown of a track is looked up for these few only.
WITH compared AS MATERIALIZED (
    SELECT
        sha256,
        list_cosine_similarity(
            vector, (SELECT vector FROM vectors.song_vector WHERE encoder_id = $encoder_id AND sha256 = $sha256)
        ) AS similarity
    FROM vectors.song_vector
    WHERE encoder_id = $encoder_id
),
offered AS (
    SELECT platform, track_id, sha256
    FROM audio
    SEMI JOIN eligible_track USING (platform, track_id)
    WHERE state = 'available' AND sha256 <> $sha256
),
near AS (
    SELECT sha256, similarity, platform, track_id
    FROM compared
    JOIN offered USING (sha256)
    WHERE NOT isnan(similarity)
    ORDER BY similarity DESC, platform, track_id
    LIMIT $n
)
SELECT
    round(near.similarity, 4) AS similarity, t.platform, t.track_id, t.title, t.creator_name,
    s.score_streams, s.score_likes, p.score_streams AS predicted_streams, p.score_likes AS predicted_likes
FROM near
JOIN track AS t USING (platform, track_id)
LEFT JOIN engagement_score AS s
    ON s.score_run_id = (SELECT score_run_id FROM current_score_run)
    AND s.platform = t.platform AND s.track_id = t.track_id
LEFT JOIN prediction AS p ON p.version = (SELECT version FROM champion) AND p.sha256 = near.sha256
ORDER BY near.similarity DESC, t.platform, t.track_id
