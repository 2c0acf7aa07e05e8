-- One row a reason: how many records and pages were refused for it, most first, and how one of them begins.
SELECT reason, count(*) AS records, left(min(payload), 200) AS sample
FROM (
    SELECT reason, payload FROM stage_row WHERE reason IS NOT NULL
    UNION ALL
    SELECT envelope, body FROM stage_page WHERE refused(envelope)
)
GROUP BY reason
ORDER BY records DESC, reason
