-- One row a source, stage and reason with open rejects: how many, how many of them since a moment, when first and last.
SELECT
    source,
    stage,
    reason,
    count(*) AS records,
    count(*) FILTER ($since IS NULL OR first_seen > $since) AS fresh,
    min(first_seen) AS first_seen,
    max(last_seen) AS last_seen
FROM rejects_open
GROUP BY ALL
ORDER BY records DESC, source, stage, reason
LIMIT $most
