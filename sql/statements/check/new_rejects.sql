-- Temp table, one row: rejects that were not there when a run was last published, as a share of the records since then.
-- Counted, not dated: a dump's rejects have the dump's date. An ingest that was cut short, or of a platform that went
-- down, leaves rejects and no figures; then the tracks looked at since say how many records there were at least.
CREATE OR REPLACE TEMP TABLE new_rejects AS
WITH published AS (
    SELECT coalesce(max(as_of), 'epoch'::TIMESTAMPTZ) AS as_of, coalesce(max(rejects), 0) AS rejects
    FROM (FROM publication ORDER BY n DESC LIMIT 1)
),
reported AS (
    SELECT coalesce(sum(s.value), 0) AS records
    FROM run_stat AS s
    JOIN run AS r USING (run_id)
    JOIN published AS p ON r.as_of > p.as_of OR r.run_id = $run_id
    WHERE s.measure = 'records_in'
),
counted AS (
    SELECT greatest(count(*) - (SELECT rejects FROM published), 0) AS rejects FROM reject WHERE stage = 'ingest'
),
looked_at AS (
    SELECT count(*) + (SELECT rejects FROM counted) AS records
    FROM track
    WHERE last_observed_at > (SELECT as_of FROM published)
),
since AS (
    SELECT greatest((SELECT records FROM reported), (SELECT records FROM looked_at)) AS records
)
SELECT
    c.rejects,
    c.rejects / s.records AS share,
    format('{} new rejects among {:.0f} records ({:.1f} %)', c.rejects, s.records, 100 * c.rejects / s.records) AS said
FROM counted AS c
JOIN since AS s ON s.records > 0
