-- One row a known track that is due for another look, most overdue first, at most $most. The time between two looks is
-- $age_factor of a track's age, not below $min_days nor above $max_days: counts of a new song move by the hour, those of
-- an old one hardly. A track was last looked at when a record of it came, or when its status was found out. Tombstones
-- are left alone (a listing brings them back), and so is what was seen since $as_of, that is by this run.
WITH known AS (
    SELECT
        track_id,
        greatest(last_observed_at, seen.status) AS looked_at,
        date_diff('second', coalesce(created_at, first_observed_at), $as_of) / 86400.0 AS age_days
    FROM track
    WHERE platform = $platform AND status <> 'tombstone'
),
paced AS (
    SELECT
        track_id,
        looked_at,
        date_diff('second', looked_at, $as_of) / 86400.0
            / least($max_days, greatest($min_days, $age_factor * age_days)) AS intervals
    FROM known
)
SELECT track_id
FROM paced
WHERE intervals >= 1 AND looked_at < $as_of
ORDER BY intervals DESC, track_id
LIMIT $most
