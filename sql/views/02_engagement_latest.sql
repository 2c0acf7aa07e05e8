-- One row a track: the newest non-null count of each counter, ties broken by when it was recorded. Both times as one
-- number: arg_max by a struct of them takes twice as long.
CREATE OR REPLACE VIEW engagement_latest AS
SELECT
    platform,
    track_id,
    arg_max(plays, moment) FILTER (plays IS NOT NULL) AS plays,
    arg_max(likes, moment) FILTER (likes IS NOT NULL) AS likes,
    max(observed_at) AS observed_at,
    count(*) AS observations
FROM (
    SELECT *, epoch_us(observed_at)::HUGEINT * 1000000000000000000 + epoch_us(recorded_at) AS moment FROM engagement
)
GROUP BY platform, track_id;
COMMENT ON VIEW engagement_latest IS 'Latest plays and likes of each track that ever stated one. It knows neither a score run nor a model; observed_at says how new it is.';
COMMENT ON COLUMN engagement_latest.platform IS 'suno or udio; with track_id the key of a track.';
COMMENT ON COLUMN engagement_latest.track_id IS 'The platform''s id of the track; ids repeat across platforms.';
COMMENT ON COLUMN engagement_latest.plays IS 'Newest stated count of plays; null when never stated.';
COMMENT ON COLUMN engagement_latest.likes IS 'Newest stated count of likes; null when never stated.';
COMMENT ON COLUMN engagement_latest.observed_at IS 'When a counter was last seen changed; the last look may be later (track.last_observed_at).';
COMMENT ON COLUMN engagement_latest.observations IS 'How many looks found a counter changed, the first one included.';
