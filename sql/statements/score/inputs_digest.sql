-- One row: how many inputs, and order-free digests of them. Ages are not among them: they grow with every look, and
-- what they say is in the cohort. DuckDB's own hash costs a quarter of md5; should another version of it hash otherwise,
-- one run is made anew, with the same scores.
SELECT count(*), bit_xor(digest)::VARCHAR, sum(digest)::VARCHAR
FROM (SELECT hash(platform, track_id, cohort, plays, likes) AS digest FROM score_input)
