-- Temp table, one row a track that the current or the previous score run covers, with the inputs and scores of both.
CREATE OR REPLACE TEMP TABLE page_scored AS
WITH chosen AS (
    SELECT score_run_id, row_number() OVER (ORDER BY n DESC) AS back FROM score_run QUALIFY back <= 2
),
now_ AS (FROM engagement_score WHERE score_run_id = (SELECT score_run_id FROM chosen WHERE back = 1)),
was AS (FROM engagement_score WHERE score_run_id = (SELECT score_run_id FROM chosen WHERE back = 2))
SELECT
    coalesce(n.platform, w.platform) AS platform,
    coalesce(n.track_id, w.track_id) AS track_id,
    coalesce(n.cohort, w.cohort) AS cohort,
    n.track_id IS NOT NULL AS is_scored,
    w.track_id IS NOT NULL AS was_scored,
    n.plays,
    n.likes,
    n.score_streams,
    n.score_likes,
    w.plays AS was_plays,
    w.likes AS was_likes,
    w.score_streams AS was_score_streams,
    w.score_likes AS was_score_likes
FROM now_ AS n
FULL JOIN was AS w ON w.platform = n.platform AND w.track_id = n.track_id
