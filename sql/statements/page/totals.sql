-- One row: the catalog in numbers, and its champion.
SELECT
    (SELECT count(*) FROM track) AS tracks,
    (SELECT count(*) FROM page_scored WHERE is_scored) AS scored,
    (
        SELECT count(*)
        FROM embedding
        WHERE state = 'embedded'
          AND encoder_id = (SELECT encoder_id FROM current_encoder)
    ) AS embedded,
    (SELECT count(*) FROM prediction WHERE version = (SELECT version FROM champion)) AS predicted,
    (SELECT count(*) FROM rejects_open) AS rejects,
    (SELECT version FROM champion) AS champion,
    (SELECT set_at FROM champion) AS champion_since
