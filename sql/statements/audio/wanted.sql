-- One row a track to look for and a file that a library offers for it, best first; one without a file where there is
-- none. Looked for are eligible tracks without audio, whose turn it is or for which libraries offer something new, and
-- tracks whose library file is gone or changed. due: its URL may be tried now. digest: of all that is offered. known:
-- what is on record of a file that may have changed.
-- tracks: look for these alone (platform/track_id). The view "in_hand" holds what other runs look for.
-- No lists: an aggregate of them would have to be in memory for all tracks at once.
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
          AND ($tracks IS NULL OR list_contains($tracks::VARCHAR[], t.platform || '/' || t.track_id))
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
          AND ($tracks IS NULL OR list_contains($tracks::VARCHAR[], t.platform || '/' || t.track_id))
    ),
    looked_for AS (
        FROM (FROM lacking UNION ALL BY NAME FROM changed) AS l
        ANTI JOIN in_hand AS i ON i.platform = l.platform AND i.track_id = l.track_id
    ),
    offered AS (
        SELECT
            platform, track_id,
            count(*) || ':' || bit_xor(md5_number(concat_ws('|', library, place, uri, bytes, stamp, sha256))) AS digest
        FROM offer
        SEMI JOIN looked_for USING (platform, track_id)
        GROUP BY platform, track_id
    )
    SELECT l.*, d.digest, o.uri, o.bytes, o.stamp, o.sha256
    FROM looked_for AS l
    LEFT JOIN offered AS d USING (platform, track_id)
    LEFT JOIN offer AS o USING (platform, track_id)
    WHERE l.due OR (d.digest IS NOT NULL AND d.digest IS DISTINCT FROM l.refused)
    ORDER BY l.platform, l.track_id, o.library, o.place, o.uri
) TO {{wanted}} (FORMAT parquet)
