-- One row a labeller: eligible tracks with a label of theirs, those without, and those with a value in each dimension.
SELECT
    labeller,
    sum(tracks)::BIGINT AS tracks,
    sum(missing)::BIGINT AS missing,
    sum(coherence)::BIGINT AS coherence,
    sum(musicality)::BIGINT AS musicality,
    sum(memorability)::BIGINT AS memorability,
    sum(clarity)::BIGINT AS clarity,
    sum(naturalness)::BIGINT AS naturalness
FROM label_coverage
GROUP BY labeller
ORDER BY labeller
