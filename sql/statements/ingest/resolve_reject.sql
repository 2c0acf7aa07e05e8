-- A reject is resolved by a good row of the same id observed later; a throttled or unauthorised answer, which says
-- nothing about any track, by any good row of the source observed later.
UPDATE reject AS r
SET resolved_at = g.resolved_at
FROM (
    WITH good AS (
        SELECT track_id, observed_at FROM stage_single
        UNION ALL
        SELECT track_id, last_observed_at FROM stage_statement
    ),
    open AS (
        FROM reject WHERE source = $platform AND stage = 'ingest' AND resolved_at IS NULL
    )
    SELECT o.reject_key, o.reason, max(g.observed_at) AS resolved_at
    FROM open AS o
    JOIN good AS g ON g.track_id = o.reject_key AND g.observed_at >= o.last_seen
    GROUP BY ALL
    UNION
    SELECT o.reject_key, o.reason, g.observed_at
    FROM open AS o
    JOIN (SELECT max(observed_at) AS observed_at FROM good) AS g ON g.observed_at >= o.last_seen
    WHERE o.reason IN ('throttled_body', 'unauthorized_body', 'error_body')
) AS g
WHERE r.source = $platform AND r.reject_key = g.reject_key AND r.reason = g.reason
