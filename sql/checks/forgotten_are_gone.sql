-- One row a track that is there although it, or its creator, was forgotten: a forgetting that was cut short, or waits for a
-- run to end. It is no reason to stop a night, whose results it clears as well.
-- severity: warn
-- when: ingest, snapshot
-- fix: give the same `apex forget` command again, which does what is left.
SELECT 'track' AS what, t.platform || '/' || t.track_id AS which, 'forgotten' AS detail
FROM track AS t
SEMI JOIN forgotten AS f ON f.kind = 'track' AND f.platform = t.platform AND f.id = t.track_id
UNION ALL
SELECT 'track', t.platform || '/' || t.track_id, 'its creator is forgotten'
FROM track AS t
SEMI JOIN forgotten AS f ON f.kind = 'creator' AND f.platform = t.platform AND f.id = t.creator_id
ORDER BY ALL
