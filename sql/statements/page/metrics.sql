-- One row a model version and target with a figure on its test tracks, oldest version first.
SELECT
    v.version,
    target,
    (v.metrics -> ('$.test.' || target || '.n'))::BIGINT AS tracks,
    (v.metrics -> ('$.test.' || target || '.spearman'))::DOUBLE AS spearman,
    (v.metrics -> ('$.test.' || target || '.mae'))::DOUBLE AS mae
FROM model_version AS v,
     unnest(['score_streams', 'score_likes', 'coherence', 'musicality', 'memorability', 'clarity', 'naturalness'])
         WITH ORDINALITY AS t(target, place)
WHERE (v.metrics -> ('$.test.' || target)) IS NOT NULL
ORDER BY v.created_at, v.version, place
