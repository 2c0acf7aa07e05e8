-- A side is given once.
INSERT INTO split BY NAME
SELECT n.platform, n.track_id, n.split, n.group_key, false AS quarantined, $as_of AS assigned_at
FROM split_now AS n
WHERE NOT EXISTS (FROM split AS s WHERE s.platform = n.platform AND s.track_id = n.track_id)
