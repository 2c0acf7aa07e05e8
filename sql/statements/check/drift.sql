-- Temp table, one row a cohort and measure of the last published score run: how far its scores have moved in the current
-- one. Of runs by different definitions only that is said: their scores mean different things.
CREATE OR REPLACE TEMP TABLE score_drift AS
WITH published AS (
    SELECT p.score_run_id, r.definition
    FROM (FROM publication ORDER BY n DESC LIMIT 1) AS p
    JOIN score_run AS r USING (score_run_id)
),
run AS (
    SELECT
        p.score_run_id AS before_id, c.score_run_id AS now_id, p.definition::VARCHAR AS definition_before,
        c.definition::VARCHAR AS definition
    FROM published AS p
    JOIN current_score_run AS c ON c.score_run_id <> p.score_run_id
),
paired AS (
    SELECT
        b.cohort, n.track_id IS NULL AS vanished,
        b.score_streams AS streams_before, n.score_streams AS streams, b.score_likes AS likes_before,
        n.score_likes AS likes
    FROM engagement_score AS b
    LEFT JOIN (SELECT s.* FROM engagement_score AS s JOIN run ON s.score_run_id = run.now_id) AS n
        ON n.platform = b.platform AND n.track_id = b.track_id
    WHERE b.score_run_id = (SELECT before_id FROM run)
),
moved AS (
    SELECT
        cohort, 'streams' AS measure, count(*) FILTER (streams_before IS NOT NULL) AS tracks_before,
        avg(abs(streams - streams_before)) AS mean_move,
        count(*) FILTER (abs(streams - streams_before) > $drift_points) / nullif(count(streams - streams_before), 0)
            AS moved_share,
        count(*) FILTER (vanished AND streams_before IS NOT NULL) AS vanished
    FROM paired
    GROUP BY cohort
    UNION ALL
    SELECT
        cohort, 'likes', count(*) FILTER (likes_before IS NOT NULL), avg(abs(likes - likes_before)),
        count(*) FILTER (abs(likes - likes_before) > $drift_points) / nullif(count(likes - likes_before), 0),
        count(*) FILTER (vanished AND likes_before IS NOT NULL)
    FROM paired
    GROUP BY cohort
)
SELECT
    m.cohort,
    m.measure,
    m.tracks_before,
    coalesce(m.mean_move, 0) AS mean_move,
    coalesce(m.moved_share, 0) AS moved_share,
    coalesce(m.vanished / nullif(m.tracks_before, 0), 0) AS vanished_share,
    run.definition,
    run.definition_before,
    run.definition = run.definition_before AS comparable,
    printf(
        'since score run %s: mean move %.1f points, %.0f %% of scores moved by more than %.0f, %.0f %% of %d tracks are scored no more',
        run.before_id, coalesce(m.mean_move, 0), 100 * coalesce(m.moved_share, 0), $drift_points::DOUBLE,
        100 * coalesce(m.vanished / nullif(m.tracks_before, 0), 0), m.tracks_before
    ) AS said
FROM moved AS m
JOIN run ON true
