-- Tracks that a former training set had on another side: used in nothing from now on.
UPDATE split SET quarantined = true
FROM (SELECT unnest($platforms) AS platform, unnest($track_ids) AS track_id) AS m
WHERE split.platform = m.platform AND split.track_id = m.track_id
