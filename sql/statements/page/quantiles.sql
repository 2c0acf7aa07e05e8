-- One row a platform and measure: how many tracks, how many at zero, and the quantiles of counts and scores.
SELECT
    platform,
    measure,
    count(count) AS tracks,
    count(*) FILTER (count = 0) AS zeros,
    quantile_disc(count, 0.25) AS count_25,
    quantile_disc(count, 0.5) AS count_50,
    quantile_disc(count, 0.75) AS count_75,
    quantile_disc(count, 0.99) AS count_99,
    max(count) AS count_max,
    avg(score) AS score_mean,
    quantile_cont(score, 0.25) AS score_25,
    quantile_cont(score, 0.5) AS score_50,
    quantile_cont(score, 0.75) AS score_75
FROM page_measured
WHERE is_scored
GROUP BY platform, measure
HAVING count(count) > 0
ORDER BY platform, measure DESC
