-- One row: how many records (and refused pages) came in, and what became of each.
WITH pages AS (
    SELECT
        count(*) AS pages,
        count(*) FILTER (refused(envelope)) AS refused
    FROM stage_page
),
records AS (
    SELECT
        count(*) AS records,
        count(*) FILTER (reason IS NOT NULL) AS refused,
        count(*) FILTER (skipped) AS skipped
    FROM stage_row
),
tracks AS (
    SELECT
        coalesce(sum(records), 0)::BIGINT - count(*) AS duplicate,
        count(*) FILTER (is_new OR changed OR o.track_id IS NOT NULL) AS upserted,
        count(*) FILTER (NOT (is_new OR changed) AND o.track_id IS NULL) AS unchanged
    FROM stage_track
    LEFT JOIN (SELECT DISTINCT track_id FROM stage_observation) AS o USING (track_id)
)
SELECT
    records.records + pages.refused AS records_in, upserted, unchanged, duplicate, skipped,
    records.refused + pages.refused AS rejected,
    (SELECT count(*) FROM stage_observation) AS observations, pages.pages
FROM pages, records, tracks
