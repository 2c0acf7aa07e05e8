-- A reject is resolved by a good row of the same id observed later; a throttled or unauthorised answer, which says
-- nothing about any track, by any good row of the source observed later.
UPDATE reject AS r
SET resolved_at = g.observed_at
FROM (
    SELECT track_id AS reject_key, NULL AS reason, last_observed_at AS observed_at FROM stage_statement
    UNION ALL
    SELECT NULL, reason, observed_at
    FROM (SELECT max(last_observed_at) AS observed_at FROM stage_statement),
        (VALUES ('throttled_body'), ('unauthorized_body'), ('error_body')) AS passing (reason)
) AS g
WHERE r.source = $platform AND r.stage = 'ingest' AND r.resolved_at IS NULL
    AND (r.reject_key = g.reject_key OR r.reason = g.reason)
    AND g.observed_at >= r.last_seen
