-- Temp table, one row a labeller and track that an entry labels: the first such entry, its values, and whether they are
-- new, updated or unchanged to the catalog.
CREATE OR REPLACE TEMP TABLE label_said AS
WITH said AS (
    SELECT DISTINCT ON (e.labeller, m.platform, m.track_id)
        m.platform, m.track_id, e.labeller, e.coherence, e.musicality, e.memorability, e.clarity, e.naturalness, e.entry
    FROM label_entry AS e
    JOIN label_match AS m USING (entry)
    WHERE e.reason IS NULL
    ORDER BY e.labeller, m.platform, m.track_id, e.entry
)
SELECT
    s.*,
    CASE
        WHEN a.track_id IS NULL THEN 'new'
        WHEN (a.coherence, a.musicality, a.memorability, a.clarity, a.naturalness)
            IS DISTINCT FROM (s.coherence, s.musicality, s.memorability, s.clarity, s.naturalness) THEN 'updated'
        ELSE 'unchanged'
    END AS state
FROM said AS s
LEFT JOIN aesthetic AS a ON a.platform = s.platform AND a.track_id = s.track_id AND a.labeller = s.labeller
