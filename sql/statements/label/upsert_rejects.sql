-- The view "incoming_reject" holds rows keyed by (source, reject_key, reason); a known one is only counted again.
MERGE INTO reject AS r
USING incoming_reject AS i
    ON r.source = i.source AND r.reject_key = i.reject_key AND r.reason = i.reason
WHEN MATCHED THEN UPDATE SET times = r.times + 1, last_seen = $as_of, resolved_at = NULL
WHEN NOT MATCHED THEN INSERT (source, reject_key, reason, stage, payload, first_seen, last_seen, times)
    VALUES (i.source, i.reject_key, i.reason, i.stage, i.payload, $as_of, $as_of, 1)
