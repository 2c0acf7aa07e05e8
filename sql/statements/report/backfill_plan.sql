-- One row a month of created_at with eligible tracks in the window: its bounds, clipped to the window, and what is missing.
WITH chosen AS (
    SELECT
        date_trunc('month', t.created_at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS month,
        a.state IS NOT DISTINCT FROM 'available' AS audible,
        a.state IS NOT DISTINCT FROM 'available' AND m.sha256 IS NULL AS to_encode,
        coalesce(a.duration_s, t.duration_s, 0) AS seconds
    FROM eligible_track AS t
    LEFT JOIN audio AS a USING (platform, track_id)
    LEFT JOIN embedding AS m ON m.encoder_id = $encoder_id AND m.sha256 = a.sha256
    WHERE ($platform IS NULL OR t.platform = $platform)
      AND t.created_at IS NOT NULL
      AND ($start IS NULL OR t.created_at >= $start)
      AND ($end IS NULL OR t.created_at < $end)
)
SELECT
    strftime(month AT TIME ZONE 'UTC', '%Y-%m') AS label,
    greatest(month, coalesce($start, month)) AS start_at,
    least(
        (month AT TIME ZONE 'UTC' + INTERVAL 1 MONTH) AT TIME ZONE 'UTC',
        coalesce($end, (month AT TIME ZONE 'UTC' + INTERVAL 1 MONTH) AT TIME ZONE 'UTC')
    ) AS end_at,
    count(*) AS tracks,
    count(*) FILTER (NOT audible) AS audio_missing,
    count(*) FILTER (to_encode OR NOT audible) AS to_encode,
    coalesce(sum(seconds) FILTER (to_encode OR NOT audible), 0) / 3600 AS audio_hours
FROM chosen
GROUP BY month
ORDER BY month
