-- One row a track of the run: its inputs and what the cohort's CDF says of them.
INSERT INTO engagement_score
SELECT
    $score_run_id,
    i.platform,
    i.track_id,
    i.cohort,
    i.plays,
    i.likes,
    s.percentile,
    l.percentile,
    s.score,
    l.score
FROM score_input AS i
LEFT JOIN score_cdf AS s
    ON s.score_run_id = $score_run_id AND s.measure = 'streams' AND s.cohort = i.cohort AND s.count = i.plays
LEFT JOIN score_cdf AS l
    ON l.score_run_id = $score_run_id AND l.measure = 'likes' AND l.cohort = i.cohort AND l.count = i.likes
