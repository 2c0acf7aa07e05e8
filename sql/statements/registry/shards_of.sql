-- One row a song of $songs that is embedded under this encoder, and where its vector lies.
SELECT sha256, shard_id
FROM embedding
WHERE encoder_id = $encoder_id AND state = 'embedded' AND sha256 IN (SELECT unnest($songs))
ORDER BY sha256
