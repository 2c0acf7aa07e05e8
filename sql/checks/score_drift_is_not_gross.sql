-- One row a cohort and measure whose scores moved so far since the last published run that something else than a night
-- must have happened: a dump of other counts, a lost platform, a fault. Figures come from
-- sql/statements/check/drift.sql.
-- severity: block unless accepted
-- when: score, snapshot
-- needs: check/drift
-- fix: find out what moved (`apex check score_drift_is_not_gross`). If counts are wrong, the next look that
--   states the right ones mends it (the newest counts); if it is true, let it pass once with
--   `apex nightly --accept score_drift_is_not_gross --because "..."`. Until then every night is held against the last
--   published one, and blocked.
SELECT 'cohort' AS what, cohort || ' ' || measure AS which, said AS detail
FROM score_drift
WHERE comparable
    AND tracks_before >= $drift_min_tracks
    AND (mean_move > $drift_mean_block OR moved_share > $drift_moved_block OR vanished_share > $vanished_block)
ORDER BY ALL
