-- One row an eligible track whose audio nobody has looked for, or whose next try is due.
SELECT t.platform, t.track_id, t.audio_url, coalesce(a.attempts, 0) AS attempts
FROM eligible_track AS t
LEFT JOIN audio AS a USING (platform, track_id)
WHERE (a.state IS NULL OR (a.state <> 'available' AND a.next_try_at <= $as_of))
  AND ($platform IS NULL OR t.platform = $platform)
  AND ($start IS NULL OR t.created_at >= $start)
  AND ($end IS NULL OR t.created_at < $end)
ORDER BY t.platform, t.track_id
