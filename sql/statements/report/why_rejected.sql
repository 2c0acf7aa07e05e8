-- One row an open reject whose key is $track_id or whose payload names it, the newest five.
SELECT source, stage, reason, first_seen, last_seen, times
FROM rejects_open
WHERE reject_key = $track_id OR contains(payload, $track_id)
ORDER BY last_seen DESC, source, reason
LIMIT 5
