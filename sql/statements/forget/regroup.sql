-- Rows of split that are named after a forgotten creator: songs of others whose root was theirs. They stay on their
-- side, under the name of the root.
UPDATE split
SET group_key = t.platform || CASE
    WHEN coalesce(t.root_id, t.parent_id) IS NOT NULL THEN ':root:' || coalesce(t.root_id, t.parent_id)
    ELSE ':track:' || t.track_id
END
FROM track AS t
WHERE split.platform = $platform AND t.platform = $platform AND split.track_id = t.track_id
  AND split.group_key IN (SELECT $platform || ':creator:' || unnest($creators))
