-- At most five ids of $kind on a platform that begin as $id does: somebody cut it, or mistyped its end.
SELECT DISTINCT platform || ' ' || id
FROM (
    SELECT platform, 'track' AS kind, track_id AS id FROM track
    UNION ALL
    SELECT platform, 'creator', creator_id FROM track
)
WHERE kind = $kind AND starts_with(id, left($id, 8))
ORDER BY ALL
LIMIT 5
