-- One row a known track whose id begins with $beginning, at most five.
SELECT platform, track_id FROM track WHERE starts_with(track_id, $beginning) ORDER BY ALL LIMIT 5
