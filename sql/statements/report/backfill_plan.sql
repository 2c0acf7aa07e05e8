-- One row a month of created_at with eligible tracks in the window: its bounds, clipped to the window, and what is left
-- for the stages asked for. A song of unknown length counts as the window's others on average.
WITH chosen AS (
    SELECT
        date_trunc('month', t.created_at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS month,
        a.state IS NOT DISTINCT FROM 'available' AS audible,
        $extract AND m.sha256 IS NULL AND ($audio OR a.state IS NOT DISTINCT FROM 'available') AS to_encode,
        coalesce(a.duration_s, t.duration_s) AS seconds,
        avg(coalesce(a.duration_s, t.duration_s)) OVER () AS usual_seconds
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
    count(*) FILTER (to_encode) AS to_encode,
    coalesce(sum(coalesce(seconds, usual_seconds)) FILTER (to_encode), 0) / 3600 AS audio_hours
FROM chosen
GROUP BY month
ORDER BY month
