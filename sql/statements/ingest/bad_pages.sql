-- One row a refused page: reason, address, the beginning of the body. At most 20.
SELECT envelope AS reason, url, left(body, 500) AS sample
FROM stage_page
WHERE refused(envelope)
ORDER BY envelope <> 'unknown_envelope', observed_at, url, body
LIMIT 20
