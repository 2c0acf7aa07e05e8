-- Temp table, one row a track named by a label; labels whose name fits no track or more than one stay out.
CREATE OR REPLACE TEMP TABLE label_match AS
WITH named AS (
    SELECT i.*, t.platform, t.track_id, count(DISTINCT t.platform) OVER (PARTITION BY i.name) AS tracks
    FROM incoming_label AS i
    LEFT JOIN track AS t ON t.track_id = i.name
)
SELECT * FROM named
