-- Temp table, one row an entry of incoming_label and track that it may mean: by the track's id, by the hash of its audio
-- (as files lie in the store), or by the name, up to its first dot, of its file in a library.
CREATE OR REPLACE TEMP TABLE label_match AS
WITH meant AS (
    SELECT i.entry, t.platform, t.track_id
    FROM incoming_label AS i
    JOIN track AS t ON t.track_id = i.name
    UNION
    SELECT i.entry, a.platform, a.track_id
    FROM incoming_label AS i
    JOIN audio AS a ON a.sha256 = i.name
    UNION
    SELECT i.entry, a.platform, a.track_id
    FROM incoming_label AS i
    JOIN audio AS a ON a.origin = 'library' AND split_part(parse_filename(a.uri), '.', 1) = i.name
)
SELECT m.entry, m.platform, m.track_id, a.sha256
FROM meant AS m
LEFT JOIN audio AS a USING (platform, track_id)
