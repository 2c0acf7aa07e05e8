-- One row a record in the pages; skipped: it is something else than a clip. A missing clip is a null record, not
-- lost.
CREATE OR REPLACE TEMP VIEW stage_record AS
SELECT observed_at, body AS record, false AS skipped FROM stage_page WHERE envelope = 'record'
UNION ALL
SELECT observed_at, unnest(json_extract(body, '$[*]'))::VARCHAR, false FROM stage_page WHERE envelope = 'array'
UNION ALL
SELECT observed_at, unnest(json_extract(body, '$.clips[*]'))::VARCHAR, false FROM stage_page WHERE envelope = 'clips'
UNION ALL
SELECT observed_at, (item -> '$.clip')::VARCHAR, false
FROM (
    SELECT observed_at, unnest(json_extract(body, '$.playlist_clips[*]')) AS item
    FROM stage_page WHERE envelope = 'playlist'
)
UNION ALL
SELECT observed_at, (item -> '$.clip')::VARCHAR, false
FROM (
    SELECT observed_at, unnest(json_extract(body, '$.project_clips[*]')) AS item
    FROM stage_page WHERE envelope = 'project'
)
UNION ALL
SELECT observed_at, unnest(json_extract(body, '$.result.public_song.result[*]'))::VARCHAR, false
FROM stage_page WHERE envelope = 'search'
UNION ALL
SELECT observed_at, (item -> '$.content_item')::VARCHAR, (item ->> '$.content_type') IS DISTINCT FROM 'clip'
FROM (
    SELECT observed_at, unnest(json_extract(body, '$.feeds[*].items[*]')) AS item
    FROM stage_page WHERE envelope = 'home'
)
