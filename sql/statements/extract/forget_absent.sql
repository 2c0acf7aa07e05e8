-- The view "absent" holds songs whose file was gone or changed when they were to be encoded. Only the row that names
-- that very file: the same bytes may lie elsewhere too.
UPDATE audio
SET state = 'unavailable', reason = i.reason, checked_at = i.checked_at, next_try_at = i.checked_at,
    sha256 = NULL, uri = NULL, origin = NULL, codec = NULL, sample_rate = NULL, channels = NULL, duration_s = NULL,
    bytes = NULL, stamp = NULL
FROM absent AS i
WHERE audio.state = 'available' AND audio.sha256 = i.sha256 AND audio.uri = i.uri
