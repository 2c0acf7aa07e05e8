-- One row a track with both scores.
SELECT platform, track_id, split, score_streams, score_likes
FROM scored_catalog
WHERE score_streams IS NOT NULL AND score_likes IS NOT NULL
ORDER BY platform, track_id
