-- One row a part of a stored run: how many rows a replay made, and how many are not, to the bit, what is stored.
WITH made_scores AS (
    SELECT i.*, s.percentile AS streams_percentile, l.percentile AS likes_percentile,
        s.score AS score_streams, l.score AS score_likes
    FROM score_input AS i
    LEFT JOIN made_cdf AS s ON s.measure = 'streams' AND s.cohort = i.cohort AND s.count = i.plays
    LEFT JOIN made_cdf AS l ON l.measure = 'likes' AND l.cohort = i.cohort AND l.count = i.likes
),
scores AS (
    SELECT (m.cohort, m.streams_percentile, m.likes_percentile, m.score_streams, m.score_likes)
        IS DISTINCT FROM (r.cohort, r.streams_percentile, r.likes_percentile, r.score_streams, r.score_likes) AS differs
    FROM made_scores AS m FULL JOIN run_scores AS r USING (platform, track_id)
),
cdf AS (
    SELECT (m.tracks, m.percentile, m.score) IS DISTINCT FROM (r.tracks, r.percentile, r.score) AS differs
    FROM made_cdf AS m FULL JOIN run_cdf AS r USING (cohort, measure, count)
),
cohorts AS (
    SELECT (m.platform, m.age_band, m.model_family, m.tracks, m.zeros, m.missing)
        IS DISTINCT FROM (r.platform, r.age_band, r.model_family, r.tracks, r.zeros, r.missing) AS differs
    FROM made_cohort AS m FULL JOIN run_cohorts AS r USING (cohort, measure)
)
SELECT 'scores' AS part, count(*) AS rows, count(*) FILTER (differs) AS differ FROM scores
UNION ALL
SELECT 'cdf', count(*), count(*) FILTER (differs) FROM cdf
UNION ALL
SELECT 'cohorts', count(*), count(*) FILTER (differs) FROM cohorts
