-- Whose scores moved most since the score run before?
-- Read: points of score_streams gained or lost between the two newest score runs, both ends. A song also moves when
-- others overtake it: see plays_gained. No rows before the second run.
-- Change: top (of each end).
WITH params AS (
    SELECT 5 AS top
),
run AS (
    SELECT score_run_id, row_number() OVER (ORDER BY n DESC) AS back FROM score_run QUALIFY back <= 2
),
moved AS (
    SELECT
        b.platform,
        b.track_id,
        b.plays - a.plays AS plays_gained,
        a.score_streams AS score_before,
        b.score_streams AS score_now,
        b.score_streams - a.score_streams AS moved
    FROM engagement_score AS a
    JOIN engagement_score AS b USING (platform, track_id)
    WHERE a.score_run_id = (SELECT score_run_id FROM run WHERE back = 2)
      AND b.score_run_id = (SELECT score_run_id FROM run WHERE back = 1)
      AND b.score_streams <> a.score_streams
)
SELECT
    m.platform,
    m.track_id,
    t.title,
    m.plays_gained,
    round(m.score_before, 1) AS score_before,
    round(m.score_now, 1) AS score_now,
    round(m.moved, 2) AS moved
FROM moved AS m
JOIN track AS t USING (platform, track_id)
CROSS JOIN params
QUALIFY row_number() OVER (ORDER BY m.moved DESC, m.platform, m.track_id) <= top
     OR row_number() OVER (ORDER BY m.moved, m.platform, m.track_id) <= top
ORDER BY m.moved DESC, m.platform, m.track_id;
