-- One row an observation to append (track, observed_at): a counter differs from its latest earlier value. A null
-- counter says nothing. Several counts of one moment are one observation, the greatest. An observation that comes
-- late, from before a counter was last stated, would become the latest one: what was stated last is then stated again
-- beside it. Most tracks come once and after their last look; only the others need their history.
CREATE OR REPLACE TEMP TABLE stage_observation AS
WITH latest AS (
    SELECT
        track_id,
        arg_max(plays, (observed_at, recorded_at)) FILTER (plays IS NOT NULL) AS plays,
        arg_max(likes, (observed_at, recorded_at)) FILTER (likes IS NOT NULL) AS likes
    FROM engagement
    SEMI JOIN (FROM stage_single WHERE observed_at > last_observed_at) USING (track_id)
    WHERE platform = $platform
    GROUP BY track_id
),
incoming AS (
    SELECT track_id, observed_at, max(plays) AS plays, max(likes) AS likes
    FROM stage_good
    SEMI JOIN (
        SELECT track_id FROM stage_repeated
        UNION ALL
        SELECT track_id FROM stage_single WHERE observed_at <= last_observed_at
    ) USING (track_id)
    WHERE plays IS NOT NULL OR likes IS NOT NULL
    GROUP BY track_id, observed_at
),
known AS (
    SELECT e.track_id, e.observed_at, e.plays, e.likes, e.recorded_at
    FROM engagement e SEMI JOIN incoming USING (track_id)
    WHERE e.platform = $platform
),
stated AS (
    SELECT
        track_id, coalesce(t.plays_at, t.last_observed_at) AS plays_at,
        coalesce(t.likes_at, t.last_observed_at) AS likes_at,
        last(k.plays ORDER BY k.observed_at, k.recorded_at) FILTER (k.plays IS NOT NULL) AS plays,
        last(k.likes ORDER BY k.observed_at, k.recorded_at) FILTER (k.likes IS NOT NULL) AS likes
    FROM known AS k
    JOIN track AS t USING (track_id)
    WHERE t.platform = $platform
    GROUP BY ALL
),
restated AS (
    SELECT track_id, observed_at, max(plays) AS plays, max(likes) AS likes
    FROM (
        SELECT track_id, plays_at AS observed_at, plays, NULL AS likes FROM stated WHERE plays IS NOT NULL
        UNION ALL
        SELECT track_id, likes_at, NULL, likes FROM stated WHERE likes IS NOT NULL
    ) AS r
    WHERE EXISTS (FROM incoming AS i WHERE i.track_id = r.track_id AND i.observed_at < r.observed_at)
    GROUP BY track_id, observed_at
),
timeline AS (
    SELECT track_id, observed_at, plays, likes, recorded_at, 0 AS rank FROM known
    UNION ALL
    SELECT
        track_id, observed_at, coalesce(i.plays, r.plays) AS plays, coalesce(i.likes, r.likes) AS likes, NULL, 1
    FROM incoming AS i
    FULL JOIN restated AS r USING (track_id, observed_at)
),
compared AS (
    SELECT
        *,
        last_value(plays IGNORE NULLS) OVER earlier AS plays_before,
        last_value(likes IGNORE NULLS) OVER earlier AS likes_before
    FROM timeline
    WINDOW earlier AS (
        PARTITION BY track_id ORDER BY observed_at, rank, recorded_at
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
)
SELECT track_id, observed_at, s.plays, s.likes
FROM stage_single AS s
LEFT JOIN latest AS l USING (track_id)
WHERE (s.is_new OR s.observed_at > s.last_observed_at)
    AND (
        (s.plays IS NOT NULL AND s.plays IS DISTINCT FROM l.plays)
        OR (s.likes IS NOT NULL AND s.likes IS DISTINCT FROM l.likes)
    )
UNION ALL
SELECT track_id, observed_at, plays, likes
FROM compared c
WHERE rank = 1
    AND (
        (plays IS NOT NULL AND plays IS DISTINCT FROM plays_before)
        OR (likes IS NOT NULL AND likes IS DISTINCT FROM likes_before)
    )
    AND NOT EXISTS (
        FROM known k
        WHERE k.track_id = c.track_id AND k.observed_at = c.observed_at
            AND k.plays IS NOT DISTINCT FROM c.plays AND k.likes IS NOT DISTINCT FROM c.likes)
