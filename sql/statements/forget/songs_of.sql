-- One row a sha256 of the $tracks, or of $songs, that no track which stays has.
WITH theirs AS (
    SELECT unnest($tracks) AS track_id
),
song AS (
    SELECT a.sha256 FROM audio AS a SEMI JOIN theirs USING (track_id) WHERE a.platform = $platform
    UNION
    SELECT unnest($songs)
)
SELECT sha256
FROM song
WHERE sha256 IS NOT NULL
  AND NOT EXISTS (
      FROM (SELECT platform, track_id, sha256 FROM audio) AS a
      WHERE a.sha256 = song.sha256
        AND NOT (a.platform = $platform AND EXISTS (FROM theirs AS t WHERE t.track_id = a.track_id))
  )
ORDER BY sha256
