-- The view current_encoder, for as long as a snapshot is open that was published before there was such a view.
CREATE TEMP VIEW current_encoder AS
SELECT coalesce(
    (SELECT encoder_id FROM champion),
    (SELECT encoder_id FROM encoder ORDER BY first_used_at DESC, encoder_id LIMIT 1)
) AS encoder_id
