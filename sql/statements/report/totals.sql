-- One row: the catalog in numbers.
SELECT
    (SELECT count(*) FROM track) AS tracks,
    (SELECT count(*) FROM engagement) AS observations,
    (SELECT count(*) FROM scored_catalog WHERE score_streams IS NOT NULL) AS scored,
    (SELECT count(*) FROM embedding WHERE state = 'embedded') AS embedded,
    (SELECT count(*) FROM rejects_open) AS rejects,
    (SELECT count(*) FROM scored_catalog WHERE predicted_streams IS NOT NULL) AS predicted,
    (SELECT version FROM champion) AS champion
