-- One row a cohort that placing_counts ask for and the run does not have; one without a name for negative counts.
SELECT DISTINCT cohort_of(platform, age_days, model_family, $edges, $by_age, $by_family) AS cohort
FROM placing_counts
WHERE cohort_of(platform, age_days, model_family, $edges, $by_age, $by_family)
    NOT IN (SELECT cohort FROM {{cohorts}} UNION ALL SELECT cohort FROM {{cdf}})
UNION ALL
SELECT DISTINCT NULL FROM placing_counts WHERE plays < 0 OR likes < 0
ORDER BY ALL
