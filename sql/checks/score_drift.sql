-- One row a cohort and measure whose scores moved noticeably since the last published run, and a definition that is not
-- what it was then. Figures come from sql/statements/check/drift.sql.
-- severity: warn
-- when: score, snapshot
-- needs: check/drift
-- fix: look at the counts behind it, apex sql "FROM check_history" and the newest report; a young or fast-growing
--   catalog moves, and thresholds are APEX_CHECKS__DRIFT_* and APEX_CHECKS__VANISHED_WARN.
SELECT 'cohort' AS what, cohort || ' ' || measure AS which, said AS detail
FROM score_drift
WHERE comparable
    AND tracks_before >= $drift_min_tracks
    AND (mean_move > $drift_mean_warn OR moved_share > $drift_moved_warn OR vanished_share > $vanished_warn)
UNION ALL
SELECT DISTINCT 'definition', definition, 'was ' || definition_before || ': not compared'
FROM score_drift
WHERE NOT comparable
ORDER BY ALL
