-- Temp table, one row a track: the group that must stay on one side, and the side its pinned hash gives.
-- Group: creator of the root, else the root, else the own creator, else the track. 70 / 15 / 15 by 100 buckets.
-- A forgotten root no longer says whose it was: what was made from it stays on the side it was given.
CREATE OR REPLACE TEMP TABLE split_now AS
WITH grouped AS (
    SELECT
        t.platform,
        t.track_id,
        t.root_id,
        t.platform || CASE
            WHEN r.creator_id IS NOT NULL THEN ':creator:' || r.creator_id
            WHEN t.root_id IS NOT NULL THEN ':root:' || t.root_id
            WHEN t.creator_id IS NOT NULL THEN ':creator:' || t.creator_id
            ELSE ':track:' || t.track_id
        END AS group_key
    FROM eligible_track AS t
    LEFT JOIN track AS r ON r.platform = t.platform AND r.track_id = t.root_id
),
hashed AS (
    SELECT *, ('0x' || left(sha256('apex-split-1:' || group_key), 8))::UBIGINT % 100 AS bucket FROM grouped
),
kept AS (
    SELECT t.platform, coalesce(t.root_id, t.parent_id) AS root_id, min(s.split) AS split
    FROM split AS s
    JOIN track AS t USING (platform, track_id)
    JOIN forgotten AS f ON f.platform = t.platform AND f.kind = 'track' AND f.id = coalesce(t.root_id, t.parent_id)
    WHERE NOT s.quarantined
    GROUP BY ALL
)
SELECT
    h.platform,
    h.track_id,
    h.group_key,
    coalesce(k.split, CASE WHEN bucket < 70 THEN 'train' WHEN bucket < 85 THEN 'val' ELSE 'test' END) AS split
FROM hashed AS h
LEFT JOIN kept AS k ON k.platform = h.platform AND k.root_id = h.root_id
