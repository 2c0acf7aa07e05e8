-- One row: the catalog in numbers. From the tables: the view of all tracks would be made once for each number.
SELECT
    (SELECT count(*) FROM track) AS tracks,
    (SELECT count(*) FROM engagement) AS observations,
    (
        SELECT count(score_streams)
        FROM engagement_score
        WHERE score_run_id = (SELECT score_run_id FROM current_score_run)
    ) AS scored,
    (
        SELECT count(*)
        FROM embedding
        WHERE state = 'embedded'
          AND encoder_id = (SELECT encoder_id FROM current_encoder)
    ) AS embedded,
    (SELECT count(*) FROM rejects_open) AS rejects,
    (
        SELECT count(p.score_streams)
        FROM audio AS a
        JOIN prediction AS p ON p.sha256 = a.sha256 AND p.version = (SELECT version FROM champion)
    ) AS predicted,
    (SELECT version FROM champion) AS champion
