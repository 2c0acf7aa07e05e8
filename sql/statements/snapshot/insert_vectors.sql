-- One row a sha256 of a shard that the catalog beside it ("shown") has from there: a shard may hold one more, of a song
-- that another shard brought first or that is being forgotten.
INSERT INTO song_vector
SELECT $encoder_id, i.sha256, i.mixed
FROM incoming_vector AS i
WHERE EXISTS (
    FROM shown.embedding AS e
    WHERE e.encoder_id = $encoder_id AND e.shard_id = $shard_id AND e.sha256 = i.sha256 AND e.state = 'embedded'
)
