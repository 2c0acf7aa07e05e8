-- Temp table, one row a cohort, measure and distinct count, the missing one (null) too: how many tracks have it.
CREATE OR REPLACE TEMP TABLE made_tied AS
SELECT cohort, 'streams' AS measure, plays AS count, count(*) AS tracks FROM score_input GROUP BY ALL
UNION ALL
SELECT cohort, 'likes', likes, count(*) FROM score_input GROUP BY ALL
