-- One row an observation with a counter below 0.
-- severity: block
-- when: ingest, snapshot
-- fix: go back to a good backup (`apex restore --backup STAMP --yes --set-aside`) and run the night again;
--   the contract reads no such counter, so somebody else wrote it, or it is a fault in sql/statements/ingest.
SELECT
    'engagement' AS what, platform || '/' || track_id AS which,
    format('plays {}, likes {} at {}', plays::VARCHAR, likes::VARCHAR, observed_at::VARCHAR) AS detail
FROM engagement
WHERE plays < 0 OR likes < 0
ORDER BY ALL
