-- At most one row: the champion's encoder, before the first champion the newest.
SELECT encoder_id, source
FROM encoder
ORDER BY encoder_id IS NOT DISTINCT FROM (SELECT encoder_id FROM champion) DESC, first_used_at DESC, encoder_id
LIMIT 1
