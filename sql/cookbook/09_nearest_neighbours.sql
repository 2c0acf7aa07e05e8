-- Which songs sound most like this one?
-- Read: cosine of the song vectors, 1: the same direction. apex similar answers the same for one track.
-- In a client of your own first: ATTACH '…/vectors.duckdb' AS vectors (READ_ONLY).
-- Change: platform and track_id (null: the most played song that has a vector), top.
WITH params AS (
    SELECT NULL::VARCHAR AS platform, NULL::VARCHAR AS track_id, 10 AS top
),
this AS (
    SELECT c.platform, c.track_id, c.sha256, c.encoder_id, v.vector::FLOAT[] AS vector
    FROM scored_catalog AS c
    JOIN vectors.song_vector AS v ON v.sha256 = c.sha256 AND v.encoder_id = c.encoder_id
    CROSS JOIN params AS p
    WHERE c.platform = coalesce(p.platform, c.platform) AND c.track_id = coalesce(p.track_id, c.track_id)
    ORDER BY c.plays DESC NULLS LAST, c.platform, c.track_id
    LIMIT 1
)
SELECT
    c.platform,
    c.track_id,
    c.title,
    c.creator_name,
    c.plays,
    round(c.score_streams, 1) AS score_streams,
    round(list_cosine_similarity(v.vector::FLOAT[], t.vector)::DOUBLE, 5) AS cosine,
    t.platform || '/' || t.track_id AS neighbour_of
FROM this AS t
JOIN vectors.song_vector AS v ON v.encoder_id = t.encoder_id
JOIN scored_catalog AS c ON c.sha256 = v.sha256
WHERE (c.platform, c.track_id) <> (t.platform, t.track_id)
  AND NOT isnan(list_cosine_similarity(v.vector::FLOAT[], t.vector))  -- silence has no direction
ORDER BY list_cosine_similarity(v.vector::FLOAT[], t.vector) DESC, c.platform, c.track_id
LIMIT (SELECT top FROM params);
