-- One row a shard of vectors that the catalog shows, of the part $part (from 0) of $parts.
SELECT encoder_id, shard_id
FROM embedding_shard
WHERE CAST('0x' || left(sha256(shard_id), 8) AS UBIGINT) % $parts = $part
ORDER BY ALL
