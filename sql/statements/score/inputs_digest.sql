-- One row: how many inputs, and order-free digests of them.
SELECT count(*), bit_xor(md5_number(line))::VARCHAR, sum(md5_number_lower(line)::HUGEINT % 1000000000000)::VARCHAR
FROM (SELECT concat_ws('|', platform, track_id, cohort, coalesce(plays::VARCHAR, '-'), coalesce(likes::VARCHAR, '-')) AS line FROM score_input)
