-- One row a song of $songs that is embedded under this encoder, and where its vector lies.
SELECT sha256, shard_id
FROM embedding
WHERE encoder_id = $encoder_id AND state = 'embedded' AND list_contains($songs, sha256)
ORDER BY sha256
