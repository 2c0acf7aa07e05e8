-- One row when a noticeable share of the records since the last published run was refused, and not seen before.
-- severity: warn
-- when: ingest
-- needs: check/new_rejects
-- fix: apex sql "FROM rejects_open" tells reasons and payloads; thresholds are APEX_CHECKS__REJECTS_*.
SELECT 'reject' AS what, 'new rejects' AS which, said AS detail
FROM new_rejects
WHERE rejects >= $rejects_min AND share > $rejects_warn
