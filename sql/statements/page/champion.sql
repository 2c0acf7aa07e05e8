-- One row a target of the champion, in the order of the targets: figures on its test tracks with the ends of their 95 %
-- intervals, beside ridge regression on the embedding and a baseline that knows duration and age alone, the gain over
-- ridge track by track, and what heads of its recipe reached that learnt from older tracks and were tested on newer ones.
SELECT
    target,
    (c.metrics -> ('$.test.' || target || '.n'))::BIGINT AS tracks,
    (c.metrics -> ('$.test.' || target || '.spearman'))::DOUBLE AS spearman,
    (c.metrics -> ('$.intervals.test.' || target || '.spearman[0]'))::DOUBLE AS spearman_low,
    (c.metrics -> ('$.intervals.test.' || target || '.spearman[1]'))::DOUBLE AS spearman_high,
    (c.metrics -> ('$.baselines.ridge.' || target || '.spearman'))::DOUBLE AS ridge,
    (c.metrics -> ('$.intervals.baselines.ridge.' || target || '.spearman[0]'))::DOUBLE AS ridge_low,
    (c.metrics -> ('$.intervals.baselines.ridge.' || target || '.spearman[1]'))::DOUBLE AS ridge_high,
    (c.metrics -> ('$.baselines.duration_age.' || target || '.spearman'))::DOUBLE AS duration_age,
    (c.metrics -> ('$.intervals.gain.ridge.' || target || '.spearman[0]'))::DOUBLE AS gain_low,
    (c.metrics -> ('$.intervals.gain.ridge.' || target || '.spearman[1]'))::DOUBLE AS gain_high,
    (c.metrics -> ('$.test.' || target || '.pairwise'))::DOUBLE AS pairwise,
    (c.metrics -> ('$.test.' || target || '.mae'))::DOUBLE AS mae,
    (c.metrics -> ('$.calibration.' || target || '.error'))::DOUBLE AS calibration_error,
    (c.metrics -> ('$.time_split.test.' || target || '.spearman'))::DOUBLE AS newer
FROM champion AS c,
     unnest(['score_streams', 'score_likes', 'coherence', 'musicality', 'memorability', 'clarity', 'naturalness'])
         WITH ORDINALITY AS t(target, place)
WHERE (c.metrics -> ('$.test.' || target)) IS NOT NULL
ORDER BY place
