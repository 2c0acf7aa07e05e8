-- One row an encoder and shard with at least one vector.
SELECT encoder_id, shard_id FROM embedding WHERE state = 'embedded' GROUP BY ALL ORDER BY ALL
