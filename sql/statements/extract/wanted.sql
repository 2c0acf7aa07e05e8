-- One row a sha256 without a vector of this encoder, in the order of the hash, into a file: it is cut into shards when
-- the catalog's door is closed again. Of the same bytes in several places one is read, the first by origin and uri.
-- The view "in_hand" holds what other runs are encoding.
COPY (
    SELECT sha256, place.uri, place.origin, place.duration_s
    FROM (
        SELECT a.sha256, min({'origin': a.origin, 'uri': a.uri, 'duration_s': a.duration_s}) AS place
        FROM audio AS a
        SEMI JOIN (
            FROM eligible_track
            WHERE ($platform IS NULL OR platform = $platform)
              AND ($start IS NULL OR created_at >= $start)
              AND ($end IS NULL OR created_at < $end)
        ) AS t ON t.platform = a.platform AND t.track_id = a.track_id
        WHERE a.state = 'available'
          AND ($songs IS NULL OR list_contains($songs::VARCHAR[], a.sha256))
          AND NOT EXISTS (FROM in_hand AS i WHERE i.sha256 = a.sha256)
          AND NOT EXISTS (FROM embedding AS e WHERE e.encoder_id = $encoder_id AND e.sha256 = a.sha256)
        GROUP BY a.sha256
    )
    ORDER BY sha256
) TO {{path}} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 61440)
