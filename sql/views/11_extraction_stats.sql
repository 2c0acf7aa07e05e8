-- One row a committed shard: what was encoded, how fast, on what, and what that waited for.
CREATE OR REPLACE VIEW extraction_stats AS
SELECT
    encoder_id,
    shard_id,
    songs - failed AS songs,
    failed AS failed_songs,
    segments,
    audio_s / 3600 AS audio_hours,
    wall_s / 3600 AS machine_hours,
    audio_s / nullif(wall_s, 0) AS real_time_factor,
    wait_s / nullif(wall_s, 0) AS feed_share,
    encode_s / nullif(wall_s, 0) AS encoder_share,
    if(wait_s + encode_s IS NULL, NULL, if(wait_s > encode_s, 'feed', 'encoder')) AS bound_by,
    host,
    device,
    precision,
    torch,
    batch_segments,
    bytes,
    adopted_at
FROM embedding_shard;
COMMENT ON VIEW extraction_stats IS 'What extraction did and cost: one row a committed shard of songs.';
COMMENT ON COLUMN extraction_stats.encoder_id IS 'The encoder: what the vectors mean.';
COMMENT ON COLUMN extraction_stats.shard_id IS 'The shard under embeddings/<encoder_id>/.';
COMMENT ON COLUMN extraction_stats.songs IS 'Songs with a vector.';
COMMENT ON COLUMN extraction_stats.failed_songs IS 'Songs without one; embedding.reason says why.';
COMMENT ON COLUMN extraction_stats.segments IS 'Segments of 30 s that were encoded.';
COMMENT ON COLUMN extraction_stats.audio_hours IS 'Hours of audio of the songs with a vector.';
COMMENT ON COLUMN extraction_stats.machine_hours IS 'Hours one encoder was at it, from the shard before to this one''s commit; null for shards from before this was kept, as all that follows from it.';
COMMENT ON COLUMN extraction_stats.real_time_factor IS 'Seconds of audio in a second of one encoder; several encoders at once are each so fast.';
COMMENT ON COLUMN extraction_stats.feed_share IS 'Share of the time in which the encoder waited for decoded audio, 0 to 1.';
COMMENT ON COLUMN extraction_stats.encoder_share IS 'Share of the time in the encoder, 0 to 1; the rest is reading plans and writing files.';
COMMENT ON COLUMN extraction_stats.bound_by IS 'Which of the two took longer: feed (more decoders help) or encoder (a faster device does).';
COMMENT ON COLUMN extraction_stats.host IS 'The machine.';
COMMENT ON COLUMN extraction_stats.device IS 'The device, as cpu or cuda.';
COMMENT ON COLUMN extraction_stats.precision IS 'What was computed in, as fp32 or bf16.';
COMMENT ON COLUMN extraction_stats.torch IS 'Version of torch; null for shards from before it was kept.';
COMMENT ON COLUMN extraction_stats.batch_segments IS 'Segments a batch; null for shards from before it was kept.';
COMMENT ON COLUMN extraction_stats.bytes IS 'Size of its Parquet files; null for shards from before it was kept.';
COMMENT ON COLUMN extraction_stats.adopted_at IS 'The moment that stood for now in the run that took it into the catalog.';
