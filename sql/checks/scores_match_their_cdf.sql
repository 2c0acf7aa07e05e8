-- One row a cohort, measure and count of the current score run whose tracks do not have what its CDF says of that
-- count, or are more than it says. Fewer, by no more than there are forgotten tracks, are nobody's fault.
-- severity: block
-- when: score, snapshot
-- fix: go back to a good backup (`apex restore --backup STAMP --yes --set-aside`) and run the night again;
--   if a fresh score run breaks it too, it is a fault in sql/statements/score.
WITH said AS (
    SELECT c.cohort, c.measure, c.count, c.tracks, c.percentile, c.score
    FROM score_cdf AS c
    SEMI JOIN current_score_run AS r USING (score_run_id)
),
measured AS (
    SELECT
        s.cohort, 'streams' AS measure, s.plays AS count, count(*) AS tracks,
        min(s.streams_percentile) AS lowest_percentile, max(s.streams_percentile) AS percentile,
        min(s.score_streams) AS lowest, max(s.score_streams) AS score
    FROM engagement_score AS s
    SEMI JOIN current_score_run AS r USING (score_run_id)
    WHERE s.score_streams IS NOT NULL OR s.streams_percentile IS NOT NULL
    GROUP BY ALL
    UNION ALL
    SELECT
        s.cohort, 'likes', s.likes, count(*), min(s.likes_percentile), max(s.likes_percentile), min(s.score_likes),
        max(s.score_likes)
    FROM engagement_score AS s
    SEMI JOIN current_score_run AS r USING (score_run_id)
    WHERE s.score_likes IS NOT NULL OR s.likes_percentile IS NOT NULL
    GROUP BY ALL
)
SELECT
    'score_cdf' AS what,
    concat_ws(' ', cohort, measure, count) AS which,
    coalesce(m.tracks, 0) || ' tracks have ' || coalesce(m.lowest::VARCHAR, 'no score') || ' to '
        || coalesce(m.score::VARCHAR, 'no score') || ', the CDF says '
        || coalesce(c.tracks || ' with ' || coalesce(c.score::VARCHAR, 'no score'), 'nothing') AS detail
FROM measured AS m
FULL JOIN said AS c USING (cohort, measure, count)
WHERE c.tracks IS NULL
    OR coalesce(m.tracks, 0) > c.tracks
    OR c.tracks - coalesce(m.tracks, 0) > (SELECT count(*) FROM forgotten WHERE kind = 'track')
    OR m.lowest IS DISTINCT FROM m.score
    OR (m.tracks IS NOT NULL AND m.score IS DISTINCT FROM c.score)
    OR m.lowest_percentile IS DISTINCT FROM m.percentile
    OR (m.tracks IS NOT NULL AND m.percentile IS DISTINCT FROM c.percentile)
ORDER BY which
