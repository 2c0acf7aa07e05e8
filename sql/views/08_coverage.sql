-- One row a platform and stage: how many tracks got there, and of those that did not, why (most frequent reason).
CREATE OR REPLACE VIEW coverage AS
WITH at_stage AS (
    SELECT
        c.platform,
        e.track_id IS NOT NULL AS eligible,
        CASE
            WHEN c.status <> 'active' THEN c.status
            WHEN c.state IS DISTINCT FROM 'complete' THEN coalesce(c.state, 'state unknown')
            WHEN NOT coalesce(t.is_public, true) THEN 'private'
            ELSE 'a ' || coalesce(c.kind, 'song of no kind')
        END AS not_eligible,
        c.audio_state IS NOT DISTINCT FROM 'available' AS audible,
        coalesce(c.audio_reason, c.audio_state, 'not looked for yet') AS not_audible,
        c.embedding_state IS NOT DISTINCT FROM 'embedded' AS embedded,
        coalesce(c.embedding_reason, 'not encoded yet') AS not_embedded,
        c.score_streams IS NOT NULL OR c.score_likes IS NOT NULL AS scored,
        c.predicted_streams IS NOT NULL AS predicted,
        coalesce(c.coherence, c.musicality, c.memorability, c.clarity, c.naturalness) IS NOT NULL AS labelled
    FROM scored_catalog AS c
    JOIN track AS t USING (platform, track_id)
    LEFT JOIN eligible_track AS e USING (platform, track_id)
),
staged AS (
    SELECT platform, 1 AS step, 'known' AS stage, true AS reached, NULL AS why FROM at_stage
    UNION ALL
    SELECT platform, 2, 'eligible', eligible, not_eligible FROM at_stage
    UNION ALL
    SELECT platform, 3, 'scored', scored, 'no counts' FROM at_stage WHERE eligible
    UNION ALL
    SELECT platform, 4, 'audio', audible, not_audible FROM at_stage WHERE eligible
    UNION ALL
    SELECT platform, 5, 'embedded', embedded, not_embedded FROM at_stage WHERE eligible AND audible
    UNION ALL
    SELECT platform, 6, 'labelled', labelled, 'no labels' FROM at_stage WHERE eligible
    UNION ALL
    SELECT platform, 7, 'predicted', predicted, 'not predicted yet' FROM at_stage WHERE eligible AND embedded
)
SELECT
    platform,
    step,
    stage,
    count(*) FILTER (reached) AS tracks,
    count(*) FILTER (NOT reached) AS missing,
    mode(why) FILTER (NOT reached) AS main_reason
FROM staged
GROUP BY platform, step, stage
ORDER BY platform, step;
COMMENT ON VIEW coverage IS 'How many tracks are at each stage, and why not further.';
