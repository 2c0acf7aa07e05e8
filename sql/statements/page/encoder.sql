-- At most one row: the champion's encoder, before the first champion the newest.
SELECT encoder_id, source FROM encoder SEMI JOIN current_encoder USING (encoder_id)
