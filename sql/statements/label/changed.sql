-- Temp table, one row a label that is new or says something else than the catalog.
CREATE OR REPLACE TEMP TABLE label_changed AS
SELECT m.platform, m.track_id, $labeller AS labeller, m.coherence, m.musicality, m.memorability, m.clarity, m.naturalness
FROM (SELECT DISTINCT ON (platform, track_id) * FROM label_match WHERE tracks = 1 ORDER BY platform, track_id, payload) AS m
LEFT JOIN aesthetic AS a
    ON a.platform = m.platform AND a.track_id = m.track_id AND a.labeller = $labeller
WHERE a.track_id IS NULL
   OR (a.coherence, a.musicality, a.memorability, a.clarity, a.naturalness)
      IS DISTINCT FROM (m.coherence, m.musicality, m.memorability, m.clarity, m.naturalness)
