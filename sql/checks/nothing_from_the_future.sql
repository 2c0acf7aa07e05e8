-- One row an observation that is said to be more than a day later than this run: it wins over all that is seen until then.
-- A run for an earlier moment than the newest observations finds them, too.
-- severity: warn
-- when: ingest, snapshot
-- fix: correct the date in the file's name, or --observed-at, put a backup from before it in the catalog's place and
--   ingest it again; nothing is to be done if this run was given an earlier as_of on purpose.
SELECT 'engagement' AS what, platform || '/' || track_id AS which, 'observed at ' || observed_at AS detail
FROM engagement
WHERE observed_at > $as_of + INTERVAL 1 DAY
UNION ALL
SELECT 'track', platform || '/' || track_id, 'observed at ' || last_observed_at
FROM track
WHERE last_observed_at > $as_of + INTERVAL 1 DAY
ORDER BY ALL
