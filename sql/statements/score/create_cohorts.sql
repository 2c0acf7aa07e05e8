-- Temp table, one row a cohort and measure: whom counts are compared with. Its dimensions are read off its name:
-- neither a platform nor an age band has a slash in it.
CREATE OR REPLACE TEMP TABLE made_cohort AS
SELECT
    cohort,
    measure,
    split_part(cohort, '/', 1) AS platform,
    CASE WHEN $by_age THEN split_part(cohort, '/', 2) END AS age_band,
    CASE WHEN $by_family THEN array_to_string(string_split(cohort, '/')[CASE WHEN $by_age THEN 3 ELSE 2 END :], '/') END
        AS model_family,
    coalesce(sum(tracks) FILTER (count IS NOT NULL), 0)::BIGINT AS tracks,
    coalesce(sum(tracks) FILTER (count = 0), 0)::BIGINT AS zeros,
    coalesce(sum(tracks) FILTER (count IS NULL), 0)::BIGINT AS missing
FROM made_tied
GROUP BY cohort, measure
ORDER BY cohort, measure DESC
