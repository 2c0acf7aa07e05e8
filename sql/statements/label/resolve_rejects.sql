-- Open label rejects that the files no longer give cause for: the track has come, or the entry was mended.
UPDATE reject SET resolved_at = $as_of
WHERE source = $source
  AND stage = 'label'
  AND resolved_at IS NULL
  AND NOT EXISTS (
      FROM incoming_reject AS i
      WHERE i.source = reject.source AND i.reject_key = reject.reject_key AND i.reason = reject.reason
  )
