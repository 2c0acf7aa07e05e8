-- One row an id (else payload hash) and reason: what the run refused, records and whole pages, without what names a
-- forgotten track or creator. Payloads are cut at 100,000 characters; the landing has them whole.
CREATE OR REPLACE TEMP TABLE stage_reject AS
WITH refused AS (
    SELECT
        coalesce(received_id, sha256(coalesce(payload, ''))) AS reject_key, reason, payload, observed_at
    FROM stage_row
    WHERE reason IS NOT NULL
    UNION ALL
    SELECT sha256(body), envelope, body, observed_at
    FROM stage_page
    WHERE refused(envelope)
)
SELECT
    $platform AS source, 'ingest' AS stage, reject_key, reason, left(arg_max(payload, (observed_at, payload)), 100000) AS payload,
    min(observed_at) AS first_seen, max(observed_at) AS last_seen
FROM refused
WHERE NOT EXISTS (FROM stage_never WHERE contains(coalesce(payload, ''), id))
GROUP BY reject_key, reason
