-- One row an encoder's machine and device: what was taken into the catalog at $as_of of what it has encoded.
SELECT
    host,
    device,
    precision,
    count(*) AS shards,
    sum(songs)::BIGINT AS songs,
    sum(failed_songs)::BIGINT AS failed,
    round(sum(audio_hours), 2) AS audio_hours,
    round(sum(audio_hours) / nullif(sum(machine_hours), 0), 1) AS times_real_time,
    round(100 * sum(feed_share * machine_hours) / nullif(sum(machine_hours), 0)) AS feed_percent,
    round(100 * sum(encoder_share * machine_hours) / nullif(sum(machine_hours), 0)) AS encoder_percent
FROM extraction_stats
WHERE encoder_id = $encoder_id AND adopted_at = $as_of
GROUP BY host, device, precision
ORDER BY host, device, precision
