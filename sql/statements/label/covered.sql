-- One row a labeller: how many eligible tracks it labelled, of how many.
SELECT labeller, sum(tracks)::BIGINT AS tracks, sum(tracks + missing)::BIGINT AS eligible
FROM label_coverage
GROUP BY labeller
ORDER BY labeller
