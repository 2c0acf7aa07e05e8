-- One row: what has come since a moment (null: everything is new).
SELECT
    (SELECT count(*) FROM track WHERE $since IS NULL OR first_observed_at > $since) AS tracks,
    (
        SELECT coalesce(sum(songs - failed), 0)::BIGINT
        FROM embedding_shard
        WHERE ($since IS NULL OR adopted_at > $since)
          AND encoder_id = (SELECT encoder_id FROM current_encoder)
    ) AS embedded,
    (SELECT count(*) FROM reject WHERE resolved_at IS NULL AND ($since IS NULL OR first_seen > $since)) AS rejects,
    (SELECT count(*) FROM reject WHERE resolved_at > $since) AS resolved
