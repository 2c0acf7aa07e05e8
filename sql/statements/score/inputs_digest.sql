-- One row: how many inputs, and order-free digests of them. Ages are not among them: they grow with every look, and
-- what they say is in the cohort. DuckDB's own hash costs a quarter of md5; should another version of it hash otherwise,
-- one run is made anew, with the same scores. Hashed once more, since a hash of several columns ends with the xor of the
-- last one: where two tracks swap their likes, the xor over all rows would not change.
SELECT count(*), bit_xor(digest)::VARCHAR, sum(digest)::VARCHAR
FROM (SELECT hash(hash(platform, track_id, cohort, plays, likes)) AS digest FROM score_input)
