-- One row a track and observation in which a counter changed; never updated.
INSERT INTO engagement (platform, track_id, observed_at, plays, likes, recorded_at)
SELECT $platform, track_id, observed_at, plays, likes, $as_of
FROM stage_observation
