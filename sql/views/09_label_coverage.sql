-- One row a platform and labeller: how many eligible tracks it labelled, in which dimensions. Labellers are side by side.
CREATE OR REPLACE VIEW label_coverage AS
SELECT
    t.platform,
    w.labeller,
    count(a.track_id) AS tracks,
    count(*) - count(a.track_id) AS missing,
    count(a.coherence) AS coherence,
    count(a.musicality) AS musicality,
    count(a.memorability) AS memorability,
    count(a.clarity) AS clarity,
    count(a.naturalness) AS naturalness,
    max(a.labelled_at) AS last_labelled_at
FROM eligible_track AS t
CROSS JOIN (SELECT DISTINCT labeller FROM aesthetic) AS w
LEFT JOIN aesthetic AS a ON a.platform = t.platform AND a.track_id = t.track_id AND a.labeller = w.labeller
GROUP BY t.platform, w.labeller
ORDER BY t.platform, w.labeller;
COMMENT ON VIEW label_coverage IS 'How many eligible tracks each labeller has labelled, and in which dimensions: one row a platform and labeller.';
COMMENT ON COLUMN label_coverage.platform IS 'suno or udio.';
COMMENT ON COLUMN label_coverage.labeller IS 'Who labelled. Whose labels train is a setting: aesthetics.train_on.';
COMMENT ON COLUMN label_coverage.tracks IS 'Eligible tracks with a label of theirs in at least one dimension.';
COMMENT ON COLUMN label_coverage.missing IS 'Eligible tracks without.';
COMMENT ON COLUMN label_coverage.coherence IS 'Eligible tracks with a value of overall coherence.';
COMMENT ON COLUMN label_coverage.musicality IS 'Eligible tracks with a value of overall musicality.';
COMMENT ON COLUMN label_coverage.memorability IS 'Eligible tracks with a value of memorability.';
COMMENT ON COLUMN label_coverage.clarity IS 'Eligible tracks with a value of clarity of song structure.';
COMMENT ON COLUMN label_coverage.naturalness IS 'Eligible tracks with a value of naturalness of vocal breathing and phrasing.';
COMMENT ON COLUMN label_coverage.last_labelled_at IS 'When one of those labels was last imported or changed; null without any.';
