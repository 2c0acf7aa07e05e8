-- A shard that has fewer songs now.
UPDATE embedding_shard SET songs = $songs, failed = $failed, segments = $segments
WHERE encoder_id = $encoder_id AND shard_id = $shard_id
