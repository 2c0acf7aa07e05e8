-- Sets known_keys, the hashes of those sets of keys in $sample, some lines of the dumps, that hold nothing new: an id, a
-- generation or a file, and no field that nobody knows. A line with any other set of keys is looked at one by one.
SET VARIABLE known_keys = (
    SELECT coalesce(list(hash(keys)), [])
    FROM (
        SELECT DISTINCT json_keys(json) AS keys
        FROM (SELECT CASE WHEN json_valid(line) THEN line END AS json FROM (SELECT unnest($sample::VARCHAR[]) AS line))
        WHERE starts_with(json, '{')
    )
    WHERE list_contains(keys, 'id') AND list_has_any(keys, ['generation_id', 'song_path', 'title', 'created_at'])
        AND only_names(keys, udio_fields())
)
