-- Open label rejects that the files no longer give cause for: the track has come, the entry was mended, or its labeller's
-- files are no longer named.
UPDATE reject SET resolved_at = $as_of
WHERE stage = 'label'
  AND resolved_at IS NULL
  AND NOT EXISTS (
      FROM incoming_reject AS i
      WHERE i.source = reject.source AND i.reject_key = reject.reject_key AND i.reason = reject.reason
  )
