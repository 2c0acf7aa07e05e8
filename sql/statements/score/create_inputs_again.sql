-- Temp table: the inputs of a stored run, as its rows have them; the cohort is worked out again.
CREATE OR REPLACE TEMP TABLE score_input AS
SELECT
    platform,
    track_id,
    cohort_of(platform, age_days, model_family, $edges, $by_age, $by_family) AS cohort,
    plays,
    likes,
    age_days,
    model_family
FROM run_scores
