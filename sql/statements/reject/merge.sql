-- One row of {{incoming}} a source, key and reason. Seen again later: counted once more and open again; the same sight
-- twice: nothing.
MERGE INTO reject AS r
USING {{incoming}} AS i
    ON r.source = i.source AND r.reject_key = i.reject_key AND r.reason = i.reason
WHEN MATCHED AND i.last_seen > r.last_seen THEN UPDATE SET
    times = r.times + 1, last_seen = i.last_seen, payload = i.payload, resolved_at = NULL
WHEN MATCHED AND i.first_seen < r.first_seen THEN UPDATE SET
    times = r.times + 1, first_seen = i.first_seen
WHEN NOT MATCHED THEN INSERT (source, reject_key, reason, stage, payload, first_seen, last_seen, times)
    VALUES (i.source, i.reject_key, i.reason, i.stage, i.payload, i.first_seen, i.last_seen, 1)
