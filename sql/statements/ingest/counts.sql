-- One row: how many records (and refused pages) came in, and what became of each. Every figure is counted on its own, so
-- that they add up only when nothing was lost.
WITH pages AS (
    SELECT count(*) AS pages, count(*) FILTER (refused(envelope)) AS refused FROM stage_page
),
lines AS (
    SELECT count(*) FILTER (odd IS NULL) AS clean FROM stage_clean
),
records AS (
    SELECT
        count(*) AS records, count(*) FILTER (reason IS NOT NULL) AS refused,
        count(*) FILTER (reason IS NULL AND skipped) AS skipped
    FROM stage_row
),
tracks AS (
    SELECT track_id, 1 AS records, is_new AS changed FROM stage_single WHERE is_new OR is_same
    UNION ALL
    SELECT track_id, records, is_new OR changed FROM stage_track
),
merged AS (
    SELECT
        count(*) FILTER (changed OR o.track_id IS NOT NULL) AS upserted,
        count(*) FILTER (NOT changed AND o.track_id IS NULL) AS unchanged,
        coalesce(sum(records), 0)::BIGINT - count(*) AS duplicate
    FROM tracks
    LEFT JOIN (SELECT DISTINCT track_id FROM stage_observation) AS o USING (track_id)
)
SELECT
    lines.clean + records.records + pages.refused AS records_in, upserted, unchanged, duplicate,
    records.skipped + (SELECT count(*) FROM stage_forgotten) AS skipped,
    records.refused + pages.refused AS rejected,
    (SELECT count(*) FROM stage_observation) AS observations,
    lines.clean + pages.pages AS pages
FROM pages, lines, records, merged
