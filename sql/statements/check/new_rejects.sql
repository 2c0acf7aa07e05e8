-- Temp table, one row: rejects that were not there when a run was last published, as a share of the records since then.
-- Counted, not dated: a dump's rejects have the dump's date.
CREATE OR REPLACE TEMP TABLE new_rejects AS
WITH published AS (
    SELECT coalesce(max(as_of), 'epoch'::TIMESTAMPTZ) AS as_of, coalesce(max(rejects), 0) AS rejects
    FROM (FROM publication ORDER BY n DESC LIMIT 1)
),
since AS (
    SELECT coalesce(sum(s.value), 0) AS records
    FROM run_stat AS s
    JOIN run AS r USING (run_id)
    JOIN published AS p ON r.as_of > p.as_of OR r.run_id = $run_id
    WHERE s.measure = 'records_in'
),
counted AS (
    SELECT greatest(count(*) - (SELECT rejects FROM published), 0) AS rejects FROM reject WHERE stage = 'ingest'
)
SELECT
    c.rejects,
    c.rejects / s.records AS share,
    format('{} new rejects among {:.0f} records ({:.1f} %)', c.rejects, s.records, 100 * c.rejects / s.records) AS said
FROM counted AS c
JOIN since AS s ON s.records > 0
