-- One row a record in the pages.
CREATE OR REPLACE TEMP VIEW stage_record AS
SELECT observed_at, body AS record, false AS skipped FROM stage_page WHERE envelope = 'record'
UNION ALL
SELECT observed_at, unnest(json_extract(body, '$[*]'))::VARCHAR, false FROM stage_page WHERE envelope = 'array'
UNION ALL
SELECT observed_at, unnest(json_extract(body, '$.data[*]'))::VARCHAR, false FROM stage_page WHERE envelope = 'data'
UNION ALL
SELECT observed_at, unnest(json_extract(body, '$.songs[*]'))::VARCHAR, false FROM stage_page WHERE envelope = 'songs'
