-- What did extraction cost, and would decoders or a faster device make it cheaper?
-- Read: machine_hours of one encoder each; times_real_time is hours of audio in one of them. Where encoders waited for
-- decoded audio most of the time (feed_share above 0.5), more APEX_ENCODER__DECODE_WORKERS help, else a faster device.
-- Change: since, price_an_hour of one machine.
WITH params AS (
    SELECT TIMESTAMPTZ '2000-01-01' AS since, 1.00 AS price_an_hour
)
SELECT
    encoder_id,
    host,
    device,
    precision,
    sum(songs)::BIGINT AS songs,
    sum(failed_songs)::BIGINT AS failed,
    round(sum(audio_hours), 2) AS audio_hours,
    round(sum(machine_hours), 3) AS machine_hours,
    round(sum(audio_hours) / nullif(sum(machine_hours), 0), 1) AS times_real_time,
    round(sum(feed_share * machine_hours) / nullif(sum(machine_hours), 0), 2) AS feed_share,
    round(sum(bytes) / 1e6, 1) AS megabytes,
    round(sum(machine_hours) * any_value(price_an_hour), 2) AS price
FROM extraction_stats, params
WHERE adopted_at >= since
GROUP BY encoder_id, host, device, precision
ORDER BY machine_hours DESC NULLS LAST, encoder_id, host, device, precision
