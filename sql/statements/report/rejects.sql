-- One row a source, stage and reason with open rejects.
SELECT source, stage, reason, count(*) AS records FROM rejects_open GROUP BY ALL ORDER BY records DESC, source, stage, reason
