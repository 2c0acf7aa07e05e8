-- One row a sha256 without a vector of this encoder, cut into shards of $shard_songs in the order of the hash.
-- Shards are cut from what is missing, so a shard committed before a crash leaves the other cuts where they were.
WITH song AS (
    SELECT DISTINCT ON (a.sha256) a.sha256, a.uri, a.origin, a.duration_s
    FROM audio AS a
    JOIN eligible_track AS t USING (platform, track_id)
    WHERE a.state = 'available'
      AND NOT EXISTS (FROM embedding AS e WHERE e.encoder_id = $encoder_id AND e.sha256 = a.sha256)
      AND ($platform IS NULL OR t.platform = $platform)
      AND ($start IS NULL OR t.created_at >= $start)
      AND ($end IS NULL OR t.created_at < $end)
    ORDER BY a.sha256, a.origin, a.uri
),
cut AS (
    SELECT *, (row_number() OVER (ORDER BY sha256) - 1) // $shard_songs AS shard FROM song
)
SELECT
    shard,
    left(sha256($encoder_id || ':' || string_agg(sha256, ',' ORDER BY sha256)), 16) AS shard_id,
    list({'sha256': sha256, 'uri': uri, 'origin': origin, 'duration_s': duration_s} ORDER BY sha256) AS songs,
    sum(duration_s) AS audio_s
FROM cut
GROUP BY shard
ORDER BY shard
