-- One row a shard that does not have as many rows as songs, or more failures than it says. A song that another shard
-- brought first, of two extractions at the same time, has its row there.
-- severity: warn
-- when: snapshot
-- fix: embeddings/<encoder_id>/<shard_id>.json in the store says what the shard holds; songs without a row are encoded
--   again by the next night.
SELECT
    'embedding_shard' AS what,
    s.encoder_id || '/' || s.shard_id AS which,
    format('{} songs, {} of them failed; {} rows, {} failed', s.songs, s.failed, coalesce(m.rows, 0), coalesce(m.failed, 0))
        AS detail
FROM embedding_shard AS s
LEFT JOIN (
    SELECT encoder_id, shard_id, count(*) AS rows, count(*) FILTER (state = 'failed') AS failed
    FROM embedding
    GROUP BY ALL
) AS m USING (encoder_id, shard_id)
WHERE coalesce(m.rows, 0) <> s.songs OR coalesce(m.failed, 0) > s.failed
ORDER BY which
