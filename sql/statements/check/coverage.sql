-- Temp table, one row: how many eligible tracks have audio, and how many of these are settled by the newest encoder,
-- with a vector or a reason why there is none.
CREATE OR REPLACE TEMP TABLE audio_coverage AS
WITH newest AS (
    SELECT encoder_id FROM encoder ORDER BY first_used_at DESC, encoder_id LIMIT 1
)
SELECT count(*) AS audible, count(e.sha256) AS encoded
FROM eligible_track AS t
JOIN audio AS a ON a.platform = t.platform AND a.track_id = t.track_id AND a.state = 'available'
LEFT JOIN (SELECT m.sha256 FROM embedding AS m JOIN newest USING (encoder_id)) AS e ON e.sha256 = a.sha256
