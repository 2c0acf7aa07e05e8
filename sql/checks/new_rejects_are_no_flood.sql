-- One row when so many of the records since the last published run were refused, and not seen before, that a format must
-- have changed.
-- severity: block unless accepted
-- when: ingest
-- needs: check/new_rejects
-- fix: look at what was refused and why: `apex check new_rejects_are_no_flood` tells the reasons, the records lie in
--   landing/ of the store. If the format changed, teach it to sql/statements/ingest and ingest those files again; if they
--   are to be refused, let it pass once with `apex nightly --accept new_rejects_are_no_flood --because "..."`.
SELECT 'reject' AS what, r.source || ' ' || r.reason AS which, n.said AS detail
FROM new_rejects AS n
JOIN (SELECT source, reason, count(*) AS rows FROM reject WHERE stage = 'ingest' GROUP BY ALL) AS r ON true
WHERE n.rejects >= $rejects_min AND n.share > $rejects_block
ORDER BY r.rows DESC, which
