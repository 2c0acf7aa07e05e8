-- One row a platform and stage: how many tracks got there, and of those that did not, why (most frequent reason).
CREATE OR REPLACE VIEW coverage AS
WITH staged AS (
    SELECT platform, as_of, model_version, s.step, s.stage, s.reached, s.why
    FROM (
        SELECT
            platform,
            as_of,
            model_version,
            unnest([
                {step: 1, stage: 'known', counted: true, reached: true, why: NULL},
                {step: 2, stage: 'eligible', counted: true, reached: eligible, why: eligible_reason},
                {step: 3, stage: 'scored', counted: eligible, reached: score_streams IS NOT NULL
                    OR score_likes IS NOT NULL, why: coalesce(score_reason, 'zeros excluded')},
                {step: 4, stage: 'audio', counted: eligible, reached: coalesce(audio_state = 'available', false),
                    why: coalesce(audio_reason, audio_state, 'not looked for yet')},
                {step: 5, stage: 'embedded', counted: eligible AND audio_state = 'available',
                    reached: coalesce(embedding_state = 'embedded', false),
                    why: coalesce(embedding_reason, 'not encoded yet')},
                {step: 6, stage: 'labelled', counted: eligible, reached: label_state = 'labelled', why: 'no labels'},
                {step: 7, stage: 'predicted', counted: eligible AND embedding_state = 'embedded',
                    reached: prediction_state = 'predicted', why: prediction_reason}
            ]) AS s
        FROM scored_catalog
    )
    WHERE s.counted
)
SELECT
    platform,
    step,
    stage,
    count(*) FILTER (reached) AS tracks,
    count(*) FILTER (NOT reached) AS missing,
    mode(why) FILTER (NOT reached) AS main_reason,
    as_of,
    model_version
FROM staged
GROUP BY platform, step, stage, as_of, model_version
ORDER BY platform, step;
COMMENT ON VIEW coverage IS 'How many tracks are at each stage, and why not further: one row a platform and stage.';
COMMENT ON COLUMN coverage.platform IS 'suno or udio.';
COMMENT ON COLUMN coverage.step IS 'Order of the stages, from 1.';
COMMENT ON COLUMN coverage.stage IS 'known, eligible, scored, audio, embedded, labelled or predicted. All are among the eligible tracks but known and eligible; embedded is among those with audio, predicted among those embedded.';
COMMENT ON COLUMN coverage.tracks IS 'How many tracks got there.';
COMMENT ON COLUMN coverage.missing IS 'How many of those that could have did not.';
COMMENT ON COLUMN coverage.main_reason IS 'The most frequent reason of those; null when none is missing.';
COMMENT ON COLUMN coverage.as_of IS 'The moment that stood for now in the current score run; null before the first one.';
COMMENT ON COLUMN coverage.model_version IS 'The champion; null before the first one.';
