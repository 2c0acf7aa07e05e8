-- One row a cohort of a run. (Runs of early days have CDFs only.)
SELECT cohort FROM {{cohorts}} UNION SELECT cohort FROM {{cdf}} ORDER BY cohort
