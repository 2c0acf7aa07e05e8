-- One row a track of the run: its inputs and what its cohort's CDF says of them.
INSERT INTO engagement_score BY NAME
SELECT
    $score_run_id AS score_run_id,
    i.*,
    s.percentile AS streams_percentile,
    l.percentile AS likes_percentile,
    s.score AS score_streams,
    l.score AS score_likes
FROM score_input AS i
LEFT JOIN made_cdf AS s ON s.measure = 'streams' AND s.cohort = i.cohort AND s.count = i.plays
LEFT JOIN made_cdf AS l ON l.measure = 'likes' AND l.cohort = i.cohort AND l.count = i.likes
