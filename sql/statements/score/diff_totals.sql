-- One row: how many tracks are in both runs, came, went, and moved by score.
SELECT
    count(*) FILTER (a.track_id IS NOT NULL AND b.track_id IS NOT NULL) AS in_both,
    count(*) FILTER (a.track_id IS NULL) AS came,
    count(*) FILTER (b.track_id IS NULL) AS went,
    count(*) FILTER (
        a.track_id IS NOT NULL AND b.track_id IS NOT NULL
        AND (a.score_streams, a.score_likes) IS DISTINCT FROM (b.score_streams, b.score_likes)) AS moved
FROM before_scores AS a
FULL JOIN after_scores AS b USING (platform, track_id)
