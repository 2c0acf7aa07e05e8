-- Sets known_keys, the hashes of those sets of keys in $sample, some lines of the dumps, that hold nothing new: an id,
-- metadata, no field that nobody knows, and none beside metadata that belongs into it. A line with any other set of keys is looked at one by one.
SET VARIABLE known_keys = (
    SELECT coalesce(list(hash(keys)), [])
    FROM (
        SELECT DISTINCT json_keys(json, ['$', '$.metadata']) AS keys
        FROM (SELECT CASE WHEN json_valid(line) THEN line END AS json FROM (SELECT unnest($sample::VARCHAR[]) AS line))
        WHERE starts_with(json, '{')
    )
    WHERE list_has_all(keys[1], ['id', 'metadata']) AND only_names(keys[1], suno_fields())
        AND NOT list_has_any(keys[1], ['tags', 'lyrics', 'gpt_description_prompt', 'type'])
        AND only_names(keys[2], suno_metadata_fields())
)
