-- One row: how many songs are embedded, and an order-free digest of which, by which encoder, in which shard.
SELECT count(*), bit_xor(md5_number(line))::VARCHAR, sum(md5_number_lower(line)::HUGEINT % 1000000000000)::VARCHAR
FROM (SELECT concat_ws('|', encoder_id, shard_id, sha256) AS line FROM embedding WHERE state = 'embedded')
