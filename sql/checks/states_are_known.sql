-- One row a track, audio, embedding or split in a state that nobody knows, and audio said to be there that is not named.
-- severity: block
-- when: ingest, snapshot
-- fix: go back to a good backup (`apex restore --backup STAMP --yes --set-aside`) and run the night again.
SELECT 'track' AS what, platform || '/' || track_id AS which, 'status ' || status AS detail
FROM track WHERE status NOT IN ('active', 'unavailable', 'tombstone')
UNION ALL
SELECT 'audio', platform || '/' || track_id, 'state ' || state
FROM audio WHERE state NOT IN ('available', 'unavailable', 'corrupt')
UNION ALL
SELECT 'audio', platform || '/' || track_id, 'available, without sha256 or uri'
FROM audio WHERE state = 'available' AND (sha256 IS NULL OR uri IS NULL)
UNION ALL
SELECT 'embedding', encoder_id || '/' || sha256, 'state ' || state
FROM embedding WHERE state NOT IN ('embedded', 'failed')
UNION ALL
SELECT 'split', platform || '/' || track_id, 'side ' || split FROM split WHERE split NOT IN ('train', 'val', 'test')
ORDER BY ALL
