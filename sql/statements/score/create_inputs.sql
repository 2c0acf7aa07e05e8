-- Temp table, one row an eligible track with a count: what a score run reads.
CREATE OR REPLACE TEMP TABLE score_input AS
SELECT t.platform, t.track_id, t.platform AS cohort, e.plays, e.likes
FROM eligible_track AS t
JOIN engagement_latest AS e USING (platform, track_id)
WHERE (e.plays IS NOT NULL OR e.likes IS NOT NULL)
  AND ($min_age_days = 0 OR e.observed_at - t.created_at >= to_days(1) * $min_age_days)
