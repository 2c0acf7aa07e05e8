-- One row an embedded sha256 that this version has not scored.
SELECT m.shard_id, m.sha256
FROM embedding AS m
WHERE m.encoder_id = $encoder_id
  AND m.state = 'embedded'
  AND NOT EXISTS (FROM prediction AS p WHERE p.version = $version AND p.sha256 = m.sha256)
ORDER BY m.shard_id, m.sha256
