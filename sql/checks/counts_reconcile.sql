-- One row a stage of this run whose records in are not what became of them, and what was reported as written and is not
-- there: In = upserted + unchanged + duplicate + skipped + rejected (DESIGN §3).
-- severity: block
-- when: ingest
-- fix: what came in lies in landing/ of the store; go back to a good backup (`apex restore --backup STAMP --yes
--   --set-aside`) and run the night again. It is a fault in sql/statements/ingest: report it with the figures.
WITH stage AS (
    PIVOT (FROM run_stat WHERE run_id = $run_id)
    ON measure IN ('records_in', 'upserted', 'unchanged', 'duplicate', 'skipped', 'rejected', 'observations')
    USING any_value(value)
    GROUP BY stage
)
SELECT
    stage AS what,
    'records' AS which,
    format('{:.0f} in, {:.0f} accounted for', records_in, upserted + unchanged + duplicate + skipped + rejected) AS detail
FROM stage
WHERE records_in <> upserted + unchanged + duplicate + skipped + rejected
UNION ALL
-- More rows than this run reported may be there: of a run at the same moment that was cut short.
SELECT 'engagement', 'observations', format('{:.0f} reported, {} there', reported, written)
FROM (SELECT sum(observations) AS reported FROM stage WHERE observations IS NOT NULL)
JOIN (SELECT count(*) AS written FROM engagement WHERE recorded_at = $as_of) ON reported > written
UNION ALL
SELECT 'landing', uri, format('{} rejected of {} records', rejected, records)
FROM landing
WHERE run_id = $run_id AND rejected > records
UNION ALL
SELECT 'landing', $run_id, format('{} records in files read, {:.0f} in the reports', records, reported)
FROM (SELECT sum(records) AS records FROM landing WHERE run_id = $run_id)
JOIN (SELECT sum(records_in) AS reported FROM stage) ON records > reported
ORDER BY ALL
