-- One row a score run that is not the only one of its number, and the current one if it has not as many rows as tracks.
-- Fewer, by no more than there are forgotten tracks, are nobody's fault: when one was forgotten says little, since a run
-- has an as_of of its own, and what was marked may have been scored until it was removed.
-- severity: block
-- when: score, snapshot
-- fix: go back to a good backup (`apex restore --backup STAMP --yes --set-aside`) and run the night again.
SELECT 'score_run' AS what, string_agg(score_run_id, ', ' ORDER BY score_run_id) AS which, 'all are number ' || n AS detail
FROM score_run
GROUP BY n
HAVING count(*) > 1
UNION ALL
SELECT 'score_run', r.score_run_id, r.tracks || ' tracks, ' || s.rows || ' rows'
FROM current_score_run AS r
JOIN (
    SELECT count(*) AS rows FROM engagement_score SEMI JOIN current_score_run USING (score_run_id)
) AS s ON s.rows <> r.tracks
WHERE s.rows > r.tracks OR r.tracks - s.rows > (SELECT count(*) FROM forgotten WHERE kind = 'track')
ORDER BY ALL
