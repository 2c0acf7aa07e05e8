-- One row a known track that says what it said before: only the times of looking at it move.
UPDATE track
SET first_observed_at = least(track.first_observed_at, s.observed_at),
    last_observed_at = greatest(track.last_observed_at, s.observed_at),
    plays_at = stated_at(track.plays_at, track.last_observed_at, s.plays, s.observed_at),
    likes_at = stated_at(track.likes_at, track.last_observed_at, s.likes, s.observed_at)
FROM stage_single AS s
WHERE s.is_same AND track.platform = $platform AND track.track_id = s.track_id
    AND (
        s.observed_at < s.first_observed_at OR s.observed_at > s.last_observed_at
        OR track.plays_at IS NOT NULL OR track.likes_at IS NOT NULL)
