-- The view "incoming_split" holds rows of a training set (platform, track_id, split, group_id), the temp table split_now
-- what the split rule says today. A side that was given once is given again, to known tracks that have none: models have
-- learnt from it. Where the group is another one by now, since lineage came late, it is known by its hash alone; the next
-- training quarantines what that has put on another side.
INSERT INTO split BY NAME
SELECT
    i.platform,
    i.track_id,
    i.split,
    CASE WHEN left(sha256(n.group_key), 16) = i.group_id THEN n.group_key ELSE i.platform || ':hash:' || i.group_id END
        AS group_key,
    false AS quarantined,
    $as_of AS assigned_at
FROM incoming_split AS i
SEMI JOIN track AS t ON t.platform = i.platform AND t.track_id = i.track_id
LEFT JOIN split_now AS n ON n.platform = i.platform AND n.track_id = i.track_id
WHERE NOT EXISTS (FROM split AS s WHERE s.platform = i.platform AND s.track_id = i.track_id)
