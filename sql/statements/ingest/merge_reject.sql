-- One row a source, key and reason. Seen again later: counted once more and open again; the same sight twice:
-- nothing.
MERGE INTO reject AS r
USING stage_reject AS s
    ON r.source = $platform AND r.reject_key = s.reject_key AND r.reason = s.reason
WHEN MATCHED AND s.last_seen > r.last_seen THEN UPDATE SET
    times = r.times + 1, last_seen = s.last_seen, payload = s.payload, resolved_at = NULL
WHEN MATCHED AND s.first_seen < r.first_seen THEN UPDATE SET
    times = r.times + 1, first_seen = s.first_seen
WHEN NOT MATCHED THEN INSERT (source, reject_key, reason, stage, payload, first_seen, last_seen, times)
    VALUES ($platform, s.reject_key, s.reason, 'ingest', s.payload, s.first_seen, s.last_seen, 1)
