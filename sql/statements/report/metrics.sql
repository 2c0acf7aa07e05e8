-- One row a target of the champion: its figures on the test tracks.
SELECT
    target,
    (c.metrics -> ('$.test.' || target || '.n'))::BIGINT AS n,
    (c.metrics -> ('$.test.' || target || '.spearman'))::DOUBLE AS spearman,
    (c.metrics -> ('$.test.' || target || '.pearson'))::DOUBLE AS pearson,
    (c.metrics -> ('$.test.' || target || '.mae'))::DOUBLE AS mae
FROM champion AS c,
     unnest(['score_streams', 'score_likes', 'coherence', 'musicality', 'memorability', 'clarity', 'naturalness']) AS t(target)
WHERE (c.metrics -> ('$.test.' || target)) IS NOT NULL
