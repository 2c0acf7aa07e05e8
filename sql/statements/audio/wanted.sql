-- One row an eligible track without audio. due: its URL may be tried now; libraries are looked through either way.
-- uri and bytes: the library file that was refused last time, if it was one.
-- Six hours of slack: nights begin seconds apart, and a day's wait must not become two.
SELECT
    t.platform, t.track_id, t.audio_url, coalesce(a.attempts, 0) AS attempts,
    $all_due OR a.state IS NULL OR coalesce(a.next_try_at <= $as_of + INTERVAL 6 HOURS, false) AS due,
    a.uri, a.bytes
FROM eligible_track AS t
LEFT JOIN audio AS a USING (platform, track_id)
WHERE a.state IS DISTINCT FROM 'available'
  AND ($platform IS NULL OR t.platform = $platform)
  AND ($start IS NULL OR t.created_at >= $start)
  AND ($end IS NULL OR t.created_at < $end)
ORDER BY t.platform, t.track_id
