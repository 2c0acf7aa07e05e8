-- What could not be taken in, why, and does it go on?
-- Read: one row a source and reason; last_seen near the newest run means that it still happens; example is one payload.
-- Change: example_length (characters of the example).
WITH params AS (
    SELECT 60 AS example_length
)
SELECT
    source,
    stage,
    reason,
    count(*) AS records,
    sum(times)::BIGINT AS times,
    min(first_seen) AS first_seen,
    max(last_seen) AS last_seen,
    left(min(payload), any_value(example_length)) AS example
FROM rejects_open, params
GROUP BY source, stage, reason
ORDER BY records DESC, source, stage, reason;
