-- One row a track to look for, with the files that libraries offer for it, best first: eligible tracks without audio
-- whose turn it is or for which libraries offer something new, and tracks whose library file is gone or changed.
-- due: its URL may be tried now. known: what is on record of a file that may have changed.
-- Six hours of slack: nights begin seconds apart, and a day's wait must not become two.
COPY (
    WITH offer AS (
        SELECT * FROM read_parquet({{offers}})
    ),
    lacking AS (
        SELECT
            t.platform, t.track_id, t.audio_url, coalesce(a.attempts, 0) AS attempts,
            $all_due OR a.state IS NULL OR coalesce(a.next_try_at <= $as_of + INTERVAL 6 HOURS, false) AS due,
            a.stamp AS refused, NULL AS known
        FROM eligible_track AS t
        LEFT JOIN audio AS a USING (platform, track_id)
        WHERE a.state IS DISTINCT FROM 'available'
          AND ($platform IS NULL OR t.platform = $platform)
          AND ($start IS NULL OR t.created_at >= $start)
          AND ($end IS NULL OR t.created_at < $end)
    ),
    -- Files of a library that is configured no more are nobody's business here.
    changed AS (
        SELECT
            t.platform, t.track_id, t.audio_url, 0 AS attempts, true AS due, NULL AS refused,
            {'sha256': a.sha256, 'codec': a.codec, 'sample_rate': a.sample_rate, 'channels': a.channels,
             'duration_s': a.duration_s, 'bytes': a.bytes, 'attempts': a.attempts} AS known
        FROM eligible_track AS t
        JOIN audio AS a USING (platform, track_id)
        WHERE a.state = 'available' AND a.origin = 'library'
          AND EXISTS (FROM unnest($roots::VARCHAR[]) AS library(root) WHERE starts_with(a.uri, library.root))
          AND NOT EXISTS (
              FROM offer AS o
              WHERE o.platform = a.platform AND o.track_id = a.track_id
                AND o.uri = a.uri AND o.bytes = a.bytes AND o.stamp = a.stamp
                AND coalesce(o.sha256, a.sha256) = a.sha256
          )
          AND ($platform IS NULL OR t.platform = $platform)
          AND ($start IS NULL OR t.created_at >= $start)
          AND ($end IS NULL OR t.created_at < $end)
    ),
    looked_for AS (
        FROM lacking UNION ALL BY NAME FROM changed
    ),
    offered AS (
        SELECT
            o.platform, o.track_id,
            list({'uri': o.uri, 'bytes': o.bytes, 'stamp': o.stamp, 'sha256': o.sha256}
                ORDER BY o.library, o.place, o.uri) AS files
        FROM offer AS o
        SEMI JOIN looked_for AS l USING (platform, track_id)
        GROUP BY o.platform, o.track_id
    )
    SELECT l.*, o.files, md5(o.files::VARCHAR) AS digest
    FROM looked_for AS l
    LEFT JOIN offered AS o USING (platform, track_id)
    WHERE l.due OR (o.files IS NOT NULL AND md5(o.files::VARCHAR) IS DISTINCT FROM l.refused)
    ORDER BY l.platform, l.track_id
) TO {{wanted}} (FORMAT parquet)
