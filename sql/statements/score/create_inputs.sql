-- Temp table, one row an eligible track with a count: what a score run reads.
-- A counter's moment is when it was last stated, not when it last changed: engagement has no row for a look that
-- found the same. Age is the later of the moments of both counters, less created_at; without created_at it is unknown,
-- and a minimum age is not proved.
CREATE OR REPLACE TEMP TABLE score_input AS
WITH dated AS (
    SELECT
        t.platform,
        t.track_id,
        t.created_at,
        t.model_family,
        e.plays,
        e.likes,
        coalesce(t.plays_at, t.last_observed_at) AS plays_at,
        coalesce(t.likes_at, t.last_observed_at) AS likes_at
    FROM engagement_latest AS e
    JOIN eligible_track AS t USING (platform, track_id)
    WHERE len($kinds) = 0 OR list_contains($kinds, coalesce(t.kind, 'gen'))
),
fresh AS (
    SELECT
        * EXCLUDE (plays, likes),
        CASE WHEN $oldest IS NULL OR plays_at >= $oldest THEN plays END AS plays,
        CASE WHEN $oldest IS NULL OR likes_at >= $oldest THEN likes END AS likes
    FROM dated
),
aged AS (
    SELECT
        *,
        (epoch_us(greatest(CASE WHEN plays IS NOT NULL THEN plays_at END, CASE WHEN likes IS NOT NULL THEN likes_at END))
            - epoch_us(created_at)) / 86400e6 AS age_days
    FROM fresh
    WHERE plays IS NOT NULL OR likes IS NOT NULL
)
SELECT
    platform,
    track_id,
    cohort_of(platform, age_days, model_family, $edges, $by_age, $by_family) AS cohort,
    plays,
    likes,
    CASE WHEN $by_age OR $min_age_days > 0 THEN age_days END AS age_days,
    CASE WHEN $by_family THEN model_family END AS model_family
FROM aged
WHERE $min_age_days = 0 OR age_days >= $min_age_days
