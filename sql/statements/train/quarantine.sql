-- Lineage that arrived late and belongs to another side: used in nothing from now on.
UPDATE split SET quarantined = true
FROM split_now AS n
WHERE split.platform = n.platform AND split.track_id = n.track_id AND split.split <> n.split AND NOT split.quarantined
