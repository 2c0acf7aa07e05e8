-- One row a reason: songs that were recorded as failed in the shards taken into the catalog at $as_of, most first.
SELECT m.reason, count(*) AS songs
FROM embedding AS m
JOIN embedding_shard AS s USING (encoder_id, shard_id)
WHERE m.encoder_id = $encoder_id AND m.state = 'failed' AND s.adopted_at = $as_of
GROUP BY m.reason
ORDER BY songs DESC, m.reason
LIMIT 20
