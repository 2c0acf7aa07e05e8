-- Where do tracks get stuck, and for which reasons?
-- Read: for each stage the tracks that did not get there, by reason, with their share of the platform's tracks; a track
-- without audio is also one without prediction. coverage shows the most frequent reason alone.
-- Change: min_tracks.
WITH params AS (
    SELECT 1 AS min_tracks
),
stuck AS (
    SELECT platform, unnest([
        {step: 1, stage: 'eligible', missing: NOT eligible, reason: eligible_reason},
        {step: 2, stage: 'scored', missing: eligible AND score_state <> 'scored', reason: score_reason},
        {step: 3, stage: 'audio', missing: eligible AND audio_state IS DISTINCT FROM 'available',
            reason: coalesce(audio_reason, audio_state, 'not looked for yet')},
        {step: 4, stage: 'embedded', missing: eligible AND audio_state = 'available'
            AND embedding_state IS DISTINCT FROM 'embedded', reason: coalesce(embedding_reason, 'not encoded yet')},
        {step: 5, stage: 'labelled', missing: eligible AND label_state <> 'labelled', reason: 'no labels'},
        {step: 6, stage: 'predicted', missing: eligible AND prediction_state <> 'predicted', reason: prediction_reason}
    ]) AS s
    FROM scored_catalog
)
SELECT
    platform,
    s.stage AS stage,
    s.reason AS reason,
    count(*) AS tracks,
    round(count(*) / any_value(total), 3) AS share
FROM stuck
JOIN (SELECT platform, count(*) AS total FROM scored_catalog GROUP BY platform) USING (platform)
WHERE s.missing
GROUP BY platform, s.step, s.stage, s.reason
HAVING count(*) >= (SELECT min_tracks FROM params)
ORDER BY platform, s.step, tracks DESC, s.reason;
