-- One row a label or prediction out of its range, or no number: aesthetic ones 1 to 5, popularity 0 to 100.
-- severity: block
-- when: train, snapshot
-- fix: correct the labeller's files and run the night again, which imports them anew; for predictions roll back to the
--   champion before.
SELECT
    'aesthetic' AS what, platform || '/' || track_id || ' ' || labeller AS which,
    concat_ws(', ', coherence, musicality, memorability, clarity, naturalness) AS detail
FROM aesthetic
WHERE coherence NOT BETWEEN 1 AND 5
    OR musicality NOT BETWEEN 1 AND 5
    OR memorability NOT BETWEEN 1 AND 5
    OR clarity NOT BETWEEN 1 AND 5
    OR naturalness NOT BETWEEN 1 AND 5
UNION ALL
SELECT
    'prediction', version || '/' || sha256,
    concat_ws(', ', score_streams, score_likes, coherence, musicality, memorability, clarity, naturalness)
FROM prediction
WHERE score_streams NOT BETWEEN 0 AND 100
    OR score_likes NOT BETWEEN 0 AND 100
    OR coherence NOT BETWEEN 1 AND 5
    OR musicality NOT BETWEEN 1 AND 5
    OR memorability NOT BETWEEN 1 AND 5
    OR clarity NOT BETWEEN 1 AND 5
    OR naturalness NOT BETWEEN 1 AND 5
ORDER BY ALL
