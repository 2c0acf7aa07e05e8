-- One row a table and key that stands there more than once: there are no constraints, merges must see to it.
-- Hashes are counted first, which is cheap; only rows whose hash comes twice are compared.
-- severity: block
-- when: ingest, score, snapshot
-- fix: go back to a good backup (`apex restore --backup STAMP --yes --set-aside`) and run the night again;
--   a merge that writes a row twice is a fault of apex: report it with the offenders.
WITH twice AS (
    SELECT 'track' AS what, hash(platform, track_id) AS h FROM track GROUP BY ALL HAVING count(*) > 1
    UNION ALL
    SELECT 'audio', hash(platform, track_id) FROM audio GROUP BY ALL HAVING count(*) > 1
    UNION ALL
    SELECT 'split', hash(platform, track_id) FROM split GROUP BY ALL HAVING count(*) > 1
    UNION ALL
    SELECT 'aesthetic', hash(platform, track_id, labeller) FROM aesthetic GROUP BY ALL HAVING count(*) > 1
    UNION ALL
    SELECT 'embedding', hash(encoder_id, sha256) FROM embedding GROUP BY ALL HAVING count(*) > 1
    UNION ALL
    SELECT 'prediction', hash(version, sha256) FROM prediction GROUP BY ALL HAVING count(*) > 1
    UNION ALL
    SELECT 'engagement_score', hash(score_run_id, platform, track_id)
    FROM engagement_score GROUP BY ALL HAVING count(*) > 1
    UNION ALL
    SELECT 'reject', hash(source, reject_key, reason) FROM reject GROUP BY ALL HAVING count(*) > 1
),
key AS (
    SELECT 'track' AS what, platform || '/' || track_id AS which
    FROM track SEMI JOIN (FROM twice WHERE what = 'track') AS d ON d.h = hash(platform, track_id)
    UNION ALL
    SELECT 'audio', platform || '/' || track_id
    FROM audio SEMI JOIN (FROM twice WHERE what = 'audio') AS d ON d.h = hash(platform, track_id)
    UNION ALL
    SELECT 'split', platform || '/' || track_id
    FROM split SEMI JOIN (FROM twice WHERE what = 'split') AS d ON d.h = hash(platform, track_id)
    UNION ALL
    SELECT 'aesthetic', platform || '/' || track_id || ' ' || labeller
    FROM aesthetic SEMI JOIN (FROM twice WHERE what = 'aesthetic') AS d ON d.h = hash(platform, track_id, labeller)
    UNION ALL
    SELECT 'embedding', encoder_id || '/' || sha256
    FROM embedding SEMI JOIN (FROM twice WHERE what = 'embedding') AS d ON d.h = hash(encoder_id, sha256)
    UNION ALL
    SELECT 'prediction', version || '/' || sha256
    FROM prediction SEMI JOIN (FROM twice WHERE what = 'prediction') AS d ON d.h = hash(version, sha256)
    UNION ALL
    SELECT 'engagement_score', score_run_id || ' ' || platform || '/' || track_id
    FROM engagement_score
    SEMI JOIN (FROM twice WHERE what = 'engagement_score') AS d ON d.h = hash(score_run_id, platform, track_id)
    UNION ALL
    SELECT 'reject', source || '/' || reject_key || ' ' || reason
    FROM reject SEMI JOIN (FROM twice WHERE what = 'reject') AS d ON d.h = hash(source, reject_key, reason)
    UNION ALL
    SELECT 'embedding_shard', encoder_id || '/' || shard_id FROM embedding_shard
    UNION ALL
    SELECT 'encoder', encoder_id FROM encoder
    UNION ALL
    SELECT 'score_run', score_run_id FROM score_run
    UNION ALL
    SELECT 'score_cdf', concat_ws(' ', score_run_id, cohort, measure, count) FROM score_cdf
    UNION ALL
    SELECT 'score_cohort', concat_ws(' ', score_run_id, cohort, measure) FROM score_cohort
    UNION ALL
    SELECT 'training_set', training_set_id FROM training_set
    UNION ALL
    SELECT 'model_version', version FROM model_version
    UNION ALL
    SELECT 'model_alias', alias || '/' || n FROM model_alias
    UNION ALL
    SELECT 'run', run_id FROM run
)
SELECT what, which, count(*) || ' rows' AS detail FROM key GROUP BY what, which HAVING count(*) > 1 ORDER BY ALL
