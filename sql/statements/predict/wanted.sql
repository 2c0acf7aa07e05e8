-- One row a shard with songs that this version has not scored, and how many they are.
SELECT m.shard_id, count(*) AS songs
FROM embedding AS m
WHERE m.encoder_id = $encoder_id
  AND m.state = 'embedded'
  AND NOT EXISTS (FROM prediction AS p WHERE p.version = $version AND p.sha256 = m.sha256)
GROUP BY m.shard_id
ORDER BY m.shard_id
