-- One row an encoder, newest shard first: what is encoded, and how fast the encoders were of which that is known.
SELECT
    encoder_id,
    count(*) AS shards,
    sum(songs)::BIGINT AS songs,
    sum(failed_songs)::BIGINT AS failed,
    sum(audio_hours) AS audio_hours,
    sum(machine_hours) AS machine_hours,
    sum(audio_hours) FILTER (machine_hours IS NOT NULL) / nullif(sum(machine_hours), 0) AS real_time_factor,
    sum(feed_share * machine_hours) / nullif(sum(machine_hours), 0) AS feed_share
FROM extraction_stats
GROUP BY encoder_id
ORDER BY max(adopted_at) DESC, encoder_id
