-- Temp table, one row an entry of incoming_label, with the reason why it is refused, or null. Several tracks are no
-- riddle when they are one recording; two entries of a labeller that say different things of a track are.
CREATE OR REPLACE TEMP TABLE label_entry AS
WITH fit AS (
    SELECT
        i.entry,
        row(i.coherence, i.musicality, i.memorability, i.clarity, i.naturalness) AS said,
        CASE
            -- Even where another platform has a track of that id: the label may be the forgotten one's.
            WHEN bool_or(i.name IN (SELECT id FROM forgotten WHERE kind = 'track')) THEN 'forgotten'
            WHEN count(m.entry) = 0 THEN 'no_such_track'
            WHEN count(m.entry) > 1 AND (count(m.sha256) < count(m.entry) OR count(DISTINCT m.sha256) > 1)
                THEN 'ambiguous_track'
        END AS reason
    FROM incoming_label AS i
    LEFT JOIN label_match AS m USING (entry)
    GROUP BY i.entry, said
),
torn AS (
    SELECT i.labeller, m.platform, m.track_id
    FROM fit
    JOIN incoming_label AS i USING (entry)
    JOIN label_match AS m USING (entry)
    WHERE fit.reason IS NULL
    GROUP BY ALL
    HAVING count(DISTINCT fit.said) > 1
),
contradicting AS (
    SELECT DISTINCT m.entry
    FROM label_match AS m
    JOIN incoming_label AS i USING (entry)
    JOIN torn USING (labeller, platform, track_id)
)
SELECT i.*, coalesce(fit.reason, CASE WHEN c.entry IS NOT NULL THEN 'contradicting_labels' END) AS reason
FROM incoming_label AS i
JOIN fit USING (entry)
LEFT JOIN contradicting AS c USING (entry)
