-- One row an id of $ids and platform where a track or a creator has it: platform, kind, id, how many tracks.
SELECT platform, 'track' AS kind, track_id AS id, count(*) AS tracks
FROM track WHERE list_contains($ids, track_id) GROUP BY ALL
UNION ALL
SELECT platform, 'creator', creator_id, count(*)
FROM track WHERE list_contains($ids, creator_id) GROUP BY ALL
ORDER BY ALL
