-- One row a track that both runs score, those whose streams or likes score moved furthest first, with the inputs.
SELECT
    b.platform,
    b.track_id,
    a.plays AS plays_before,
    b.plays AS plays_after,
    a.likes AS likes_before,
    b.likes AS likes_after,
    a.score_streams AS streams_before,
    b.score_streams AS streams_after,
    a.score_likes AS likes_score_before,
    b.score_likes AS likes_score_after
FROM before_scores AS a
JOIN after_scores AS b USING (platform, track_id)
WHERE (a.score_streams, a.score_likes) IS DISTINCT FROM (b.score_streams, b.score_likes)
ORDER BY
    greatest(abs(coalesce(b.score_streams - a.score_streams, 0)), abs(coalesce(b.score_likes - a.score_likes, 0))) DESC,
    b.platform, b.track_id
LIMIT $most
