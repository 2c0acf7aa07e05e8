-- The view "incoming_prediction" holds every song of some shards, once. What another run has brought meanwhile stays as
-- it is, and what has been forgotten since, or lies in two shards, comes in as the catalog knows it.
INSERT INTO prediction BY NAME
SELECT $version AS version, i.* EXCLUDE (shard_id)
FROM incoming_prediction AS i
JOIN embedding AS m
    ON m.encoder_id = $encoder_id AND m.shard_id = i.shard_id AND m.sha256 = i.sha256 AND m.state = 'embedded'
WHERE NOT EXISTS (FROM prediction AS p WHERE p.version = $version AND p.sha256 = i.sha256)
