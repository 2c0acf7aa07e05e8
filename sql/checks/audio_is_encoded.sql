-- One row when tracks with audio have neither a vector of the newest encoder nor a reason why not, beyond a share, or
-- when the share that has fell since the last published run.
-- severity: warn
-- when: snapshot
-- needs: check/coverage
-- fix: the task encode of the run's extract flow says what stopped it; the next night does what is left, and after a change of
--   encoder it takes as long as there is audio. Thresholds are APEX_CHECKS__UNENCODED_WARN and COVERAGE_FALL_WARN.
SELECT
    'embedding' AS what,
    'missing' AS which,
    format('{} of {} tracks with audio have neither vector nor reason', audible - encoded, audible) AS detail
FROM audio_coverage
WHERE audible > 0 AND (audible - encoded) / audible > $unencoded_warn
UNION ALL
SELECT
    'embedding',
    'fallen',
    format('{:.1f} % of tracks with audio are encoded, {:.1f} % were when a run was last published', 100 * c.encoded / c.audible, 100 * p.encoded / p.audible)
FROM audio_coverage AS c
JOIN (FROM publication ORDER BY n DESC LIMIT 1) AS p ON p.audible > 0
WHERE c.audible > 0 AND p.encoded * c.audible - c.encoded * p.audible > $coverage_fall_warn * p.audible * c.audible
ORDER BY ALL
